import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { runBench, runBenchIn, SoakSchema } from "./run-bench.ts";

test("a git revision is built once, and measured", async () => {
  const built = mkdtempSync(join(tmpdir(), "baton-bench-test-"));
  onTestFinished(() => rmSync(built, { recursive: true, force: true }));
  const words = ["--against", "HEAD", "--workloads", "chain:3", "--pairs", "1", "--rounds", "2", "--json"];
  for (const isFirst of [true, false]) {
    const { output, errors } = await runBenchIn({ TMPDIR: built }, "compare.js", words);
    expect(errors.includes("building")).toBe(isFirst);
    const { base, samples } = z
      .object({ base: z.string(), samples: z.array(z.object({ id: z.string() })) })
      .parse(JSON.parse(output));
    expect(base).toBe("HEAD");
    expect(samples.map(({ id }) => id)).toEqual(["base", "new"]);
    expect(globSync("*/*", { cwd: built })).toHaveLength(1);
  }
});

test("under kills every batch ends, and no attempt has its effect twice", async () => {
  const words = ["--minutes", "0.5", "--segment-minutes", "0.25", "--kill-every", "2", "--json"];
  const { segments } = SoakSchema.parse(JSON.parse(await runBench("soak.js", words)));
  expect(segments.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThan(0);
  expect(segments.flatMap(({ violations }) => violations)).toEqual([]);
});
