import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import * as z from "zod";
import { endedWithTest } from "../support/child-process.ts";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** What a soak prints. */
export const SoakSchema = z.object({
  segments: z.array(
    z.object({ batches: z.number().positive(), kills: z.number(), violations: z.array(z.string()) }),
  ),
});

/** Runs a program of bench/ to its end. Returns what it printed. */
export async function runBench(program: string, words: readonly string[]): Promise<string> {
  return (await runBenchIn({}, program, words)).output;
}

/** The same with variables, and with what it reported. Its data is in an empty folder, which it must leave empty. */
export async function runBenchIn(
  environment: Readonly<Record<string, string>>,
  program: string,
  words: readonly string[],
) {
  const folder = mkdtempSync(join(tmpdir(), "baton-bench-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const child = endedWithTest(() =>
    spawn(process.execPath, [join(repository, "bench", program), ...words], {
      env: { ...process.env, ...environment, BENCH_FOLDER: folder },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const [code] = await once(child, "close");
  expect(code, errors).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  return { output, errors };
}
