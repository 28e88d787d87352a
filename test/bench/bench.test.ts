import { expect, test } from "vitest";
import { repository, runBench, SoakSchema } from "./run-bench.ts";

// Every program, with its output, is run in bench.long.test.ts.

test("the comparison is a Markdown table of ratios", async () => {
  const words = ["--against", repository, "--floor", "--workloads", "fan:3", "--pairs", "1", "--rounds", "2"];
  const table = await runBench("compare.js", words);
  expect(table).toMatch(/^\| fan 1 → 3 → 1 \|(?: [\d,.]+ → [\d,.]+: [\d.]+ × \|){4}$/m);
  expect(table).toMatch(/^\| fan 1 → 3 → 1 \|(?: [\d,.]+ \|){3}(?: [\d.]+ × → [\d.]+ × \|){2}$/m);
  expect(table).toMatch(/load average [\d.]+ before, [\d.]+ after/);
});

test("a soak without kills", async () => {
  const words = ["--minutes", "0.02", "--in-flight", "2", "--kill-every", "0", "--json"];
  const { segments } = SoakSchema.parse(JSON.parse(await runBench("soak.js", words)));
  expect(segments).toMatchObject([{ kills: 0, violations: [] }]);
});

test("each program explains its options, and a workload that does not exist is refused", async () => {
  for (const program of [
    "compare",
    "growth",
    "large-results",
    "backlog",
    "two-processes",
    "files",
    "grown-file",
    "commands",
  ])
    expect(await runBench(`${program}.js`, ["--help"])).toMatch(/--against REVISION/);
  expect(await runBench("peers/run.js", ["--help"])).toMatch(/BullMQ/);
  expect(await runBench("soak.js", ["--help"])).toMatch(/SIGKILL/);
  expect(await runBench("batch-memory.js", ["--help"])).toMatch(/--memory-mb/);
  await expect(runBench("compare.js", ["--workloads", "W9"])).rejects.toThrow(/There is no workload W9/);
});
