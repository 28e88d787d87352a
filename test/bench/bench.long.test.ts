import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { repository, runBench, runBenchIn, SoakSchema } from "./run-bench.ts";

const Positive = z.number().positive();
const RunSchema = z.object({
  tasks: Positive,
  microsecondsPerTask: Positive,
  coldMicrosecondsPerTask: Positive,
  tasksPerSecond: Positive,
  peakMegabytes: Positive,
});
const samplesOf = <Row extends z.ZodType>(row: Row) => z.object({ samples: z.array(row) });

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

test("with kills every batch ends, and no attempt has its effect twice", async () => {
  const words = ["--minutes", "0.5", "--segment-minutes", "0.25", "--kill-every", "2", "--json"];
  const { segments } = SoakSchema.parse(JSON.parse(await runBench("soak.js", words)));
  expect(segments.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThan(0);
  expect(segments.flatMap(({ violations }) => violations)).toEqual([]);
});

test("two revisions and the floor of SQLite are measured in turns", async () => {
  const words = [
    "--against",
    repository,
    "--floor",
    "--workloads",
    "W1,layers:3x4",
    "--pairs",
    "2",
    "--rounds",
    "2",
  ];
  const { samples } = samplesOf(
    z.object({ workload: z.string(), id: z.string(), runs: z.array(RunSchema).length(2) }),
  ).parse(JSON.parse(await runBench("compare.js", [...words, "--json"])));
  expect(samples.map(({ workload, id, runs }) => `${workload} ${id} ${runs[0]?.tasks}`)).toEqual([
    "W1 base 200",
    "W1 new 200",
    "W1 floor 200",
    "layers:3x4 base 12",
    "layers:3x4 new 12",
    "layers:3x4 floor 12",
  ]);
});

test("growth", async () => {
  const shapes = "chain:2,chain:4,diamonds:2";
  const output = await runBench("growth.js", ["--shapes", shapes, "--tasks", "4", "--pairs", "1", "--json"]);
  const { samples } = samplesOf(
    z.object({
      shape: z.string(),
      runs: z.array(RunSchema.extend({ startMs: Positive, coldBlockMs: z.number() })).length(1),
    }),
  ).parse(JSON.parse(output));
  expect(samples.map(({ shape, runs }) => `${shape} ${runs[0]?.tasks}`)).toEqual([
    "chain:2 2",
    "chain:4 4",
    "diamonds:2 20",
  ]);
});

test("large results", async () => {
  const words = ["--sizes", "100", "--tasks", "3", "--rounds", "2", "--pairs", "1"];
  const output = await runBench("large-results.js", [...words, "--json"]);
  const { samples } = samplesOf(
    z.object({
      options: z.object({ kind: z.string() }),
      reading: z.array(RunSchema.extend({ parentMs: Positive, parseMs: z.number() })).length(1),
    }),
  ).parse(JSON.parse(output));
  expect(samples.map(({ options }) => options.kind)).toEqual(["text", "rows"]);
});

test("a backlog", async () => {
  const output = await runBench("backlog.js", ["--batches", "5", "--pairs", "1", "--json"]);
  const { samples } = samplesOf(
    z.object({
      runs: z.array(z.object({ firstMs: Positive, medianMs: Positive, lastMs: Positive })).length(1),
    }),
  ).parse(JSON.parse(output));
  expect(samples).toHaveLength(1);
});

test("one server and two on one file", async () => {
  const words = ["--in-flight", "2", "--batches", "4", "--pairs", "1", "--json"];
  const { samples } = samplesOf(
    z.object({
      servers: z.number(),
      runs: z.array(z.object({ batchesPerSecond: Positive, doneMs99: z.number() })).length(1),
    }),
  ).parse(JSON.parse(await runBench("two-processes.js", words)));
  expect(samples.map(({ servers }) => servers)).toEqual([1, 2]);
});

test("loads of a file, also of one whose types the first rows do not show", async () => {
  const LoadSchema = z.object({ milliseconds: Positive, processorMs: Positive, peakMegabytes: Positive });
  const cases = ["--cases", "first append,later merge", "--late", "--pairs", "1", "--against", repository];
  const { samples } = samplesOf(
    z.object({
      name: z.string(),
      sides: z.array(z.object({ runs: z.array(LoadSchema).length(1) })).length(3),
    }),
  ).parse(JSON.parse(await runBench("files.js", ["--rows", "50", "--columns", "8", ...cases, "--json"])));
  expect(samples.map(({ name }) => name)).toEqual(["first append", "later merge"]);
});

test("commands on a file with one batch and with more", async () => {
  const { samples } = samplesOf(
    z.object({
      command: z.string(),
      files: z.array(
        z.object({ count: z.number(), runs: z.array(z.object({ processorMs: Positive })).length(1) }),
      ),
    }),
  ).parse(JSON.parse(await runBench("grown-file.js", ["--batches", "3", "--pairs", "1", "--json"])));
  expect(samples.map(({ command }) => command)).toContain("inspect results");
  for (const { files } of samples) expect(files.map(({ count }) => count)).toEqual([1, 3]);
});

test("commands", async () => {
  const output = await runBench("commands.js", ["--rounds", "1", "--json"]);
  const RowSchema = z.object({
    title: z.string(),
    runs: z.array(z.object({ processorMs: Positive, milliseconds: Positive })).length(1),
  });
  const { samples } = samplesOf(RowSchema).parse(JSON.parse(output));
  expect(samples.map(({ title }) => title)).toEqual([
    "node -e 0",
    "baton --help",
    "baton --version",
    "baton workflows",
    "baton run greet",
    "baton batches",
    "baton start",
  ]);
});
