import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { workflow } from "../../../src/workflow/builder.ts";

const regions = ["austria", "benelux", "france", "germany", "iberia", "italy", "nordics", "poland"] as const;

/** Work that takes a while, so that bars have lengths. */
async function work(milliseconds: number, rows: number): Promise<{ readonly rows: number }> {
  await sleep(milliseconds);
  return { rows };
}

const orders = regions.reduce(
  (flow, region, index) =>
    flow.task(`load-${region}`, async () => work(120 + 40 * index, 1_200 + 311 * index), {
      after: ["extract"],
    }) as never,
  workflow("orders", {
    input: z.object({ day: z.iso.date().default("2026-11-30"), full: z.boolean().default(false) }),
    on: [{ type: "schedule", cron: "15 5 * * *", timeZone: "Europe/Berlin", missed: "skip" }],
  }).task("extract", async () => work(260, 14_210)),
);

export const workflows = [
  orders
    .task("check", async () => work(180, 14_210), {
      after: regions.map((region) => `load-${region}`) as never,
    })
    .task(
      "exchange-rates",
      async ({ input }) => {
        await sleep(90);
        // Some fail, as they do.
        if (Number(String((input as { readonly day: string }).day).slice(-2)) % 5 === 4)
          throw new Error("503 from rates.example.com: no rates for this day yet");
        return { eur: 1, usd: 1.1603 };
      },
      { after: ["extract"], retry: { maxAttempts: 2, initial: "200ms" } },
    )
    .task("revenue", async () => work(240, 365), { after: ["check", "exchange-rates"] })
    .task("report", async () => work(60, 1), { after: ["revenue"] }),
  workflow("price-change")
    .task("propose", async () => work(80, 42))
    .task("approve", async ({ step }) => step.waitForEvent("approved", { timeout: "2d" }), {
      after: ["propose"],
    })
    .task("publish", async () => work(50, 42), { after: ["approve"] }),
  workflow("customers", {
    on: [{ type: "schedule", cron: "0 */6 * * *", timeZone: "UTC", missed: "skip" }],
  })
    .task("import", async () => work(70, 900), { idempotency: { key: "arguments" } })
    .task("merge", async () => work(130, 884), { after: ["import"] }),
];
