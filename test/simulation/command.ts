import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import * as z from "zod";
import { seedOfToday } from "../support/cases-of-today.ts";
import { endedWithTest } from "../support/child-process.ts";

/** Each day has seeds of its own, as far apart as more than a day runs. */
const firstSeedOfToday = 1 + (seedOfToday % 20_000) * 100_000;

const SummarySchema = z.object({
  schedules: z.int(),
  failures: z.array(z.object({ rule: z.string(), what: z.string(), replay: z.string() })),
});

/** `npm run simulate` in a process of its own: a simulated world leaves no turn to anything else in its process. */
export function simulateCommand(...options: string[]): Promise<{ code: number | null; output: string }> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = endedWithTest(() =>
    spawn(process.execPath, [main, ...options], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

/** Runs `schedules` of today's seeds on all cores. */
export async function expectSeedsHold(schedules: number): Promise<void> {
  const options = ["--from", String(firstSeedOfToday), "--schedules", String(schedules)];
  expect((await summaryOf(options)).schedules).toBe(schedules);
}

/** Runs every single fault of the small graphs, and one of `stride` pairs of faults. */
export async function expectFaultsHold(stride: number, timings: number): Promise<void> {
  const options = ["--systematic", "--stride", String(stride), "--timings", String(timings)];
  expect((await summaryOf(options)).schedules).toBeGreaterThan(2_000);
}

/** The summary of a run without violations; otherwise fails with the commands that show each violation again. */
async function summaryOf(options: readonly string[]): Promise<z.infer<typeof SummarySchema>> {
  const { output } = await simulateCommand(...options, "--json");
  const summary = SummarySchema.parse(JSON.parse(output));
  const failures = summary.failures.map(
    ({ rule, what, replay }) => `${rule}: ${what}\n  npm run simulate -- ${replay}`,
  );
  expect(failures, `npm run simulate -- ${options.join(" ")}`).toEqual([]);
  return summary;
}
