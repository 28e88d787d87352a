import { existsSync, readFileSync } from "node:fs";
import { Workplace } from "../support/command.ts";

/** Notes what begins and ends. An item may wait for the file `gate`, or fail until the file `repaired` exists. */
export const each = `
import { appendFileSync, existsSync } from "node:fs";
import { schedule, workflow } from "baton-dag";
export default workflow("each", { on: [schedule("* * * * *")] })
  .task("work", async ({ input, signal }) => {
    const name = input.n ?? input.date;
    appendFileSync("seen", "+" + name + "\\n");
    while (input.gate && !existsSync("gate") && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, 10));
    if (input.fail && !existsSync("repaired")) throw new Error("no " + name);
    if (!signal.aborted) appendFileSync("seen", "-" + name + "\\n");
    return name;
  }, { retry: false });
`;

export const lines = (items: readonly unknown[]) => items.map((item) => `${JSON.stringify(item)}\n`).join("");

export const numbered = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, n) => ({ n: n + 1, ...more }));

export function placeWith(items: readonly unknown[]): Workplace {
  const place = new Workplace({ "each.ts": each }, { BATON_SWEEP: "1s" });
  place.write("items.ndjson", lines(items));
  return place;
}

export const command = ["backfill", "each", "--input", "items.ndjson"] as const;

/** What the tasks noted, in order. */
export function seenIn(place: Workplace): string[] {
  if (!existsSync(place.path("seen"))) return [];
  return readFileSync(place.path("seen"), "utf8").split("\n").filter(Boolean);
}

export const sorted = (texts: readonly string[]) => [...texts].sort();

export const onceEach = (count: number) => sorted(numbered(count).flatMap(({ n }) => [`+${n}`, `-${n}`]));
