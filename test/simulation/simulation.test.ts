import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";

/** About a minute on one core: see README.md. */
const schedules = 16_000;
const timeoutMs = 15 * 60_000;

const SummarySchema = z.object({
  schedules: z.int(),
  failures: z.array(z.object({ rule: z.string(), what: z.string(), replay: z.string() })),
});

/** In a process of its own: one simulated world leaves no turn to anything else. */
function simulateCommand(...options: string[]): Promise<{ code: number | null; output: string }> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "--threads", "1", ...options], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

test("no schedule of a fixed number of seeds breaks a promise", { timeout: timeoutMs }, async () => {
  const { output } = await simulateCommand("--schedules", String(schedules), "--json");
  const summary = SummarySchema.parse(JSON.parse(output));
  expect(summary.failures).toEqual([]);
  expect(summary.schedules).toBe(schedules);
});

test("no single fault at any call of the small graphs breaks one, nor any of a part of the pairs", {
  timeout: timeoutMs,
}, async () => {
  const { output } = await simulateCommand("--systematic", "--stride", "40", "--timings", "2", "--json");
  const summary = SummarySchema.parse(JSON.parse(output));
  expect(summary.failures).toEqual([]);
  expect(summary.schedules).toBeGreaterThan(5_000);
});

test("a seed is the same run every time, to the last line of its trace", { timeout: timeoutMs }, async () => {
  const traced = (seed: number) => simulate(scenarioOf(seed, {}, true));
  for (let seed = 1; seed <= 100; seed++) {
    const first = await traced(seed);
    expect({ seed, ...(await traced(seed)) }).toEqual({ seed, ...first });
  }
});

test("a seed is shown as a trace that a person can read", async () => {
  const { code, output } = await simulateCommand("--seed", "2");
  expect(code).toBe(0);
  expect(output).toMatch(/0\.000 s {2}p1\.1 starts/);
  expect(output).toContain("Nothing was violated");
});

test("wrong options are refused with help, not with a stack trace", async () => {
  expect((await simulateCommand("--schedules", "many")).code).toBe(2);
  expect((await simulateCommand("--case", "{}")).code).toBe(2);
  expect((await simulateCommand("--nonsense")).code).toBe(2);
});
