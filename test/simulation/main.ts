import { parseArgs } from "node:util";
import * as z from "zod";
import { completionModes } from "../../src/core/messages.ts";
import { type Failure, type Job, type Report, seedJobs } from "./job-list.ts";
import { findMutants, mutantRow } from "./mutant-hunt.ts";
import { runJobs } from "./pool.ts";
import { type Reduction, scenarioOf } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { type Outcome, simulate } from "./simulation.ts";
import { run, unitsOf } from "./systematic.ts";

const help = `Runs the engine and the runtime of Baton in a simulated world whose every choice comes from a seed.

  npm run simulate -- --schedules 10000     that many seeds, on all cores (--from 1 is the first)
  npm run simulate -- --seed 42             one seed, as a trace; a smaller case that fails the same way, if it fails
  npm run simulate -- --systematic          every call of small graphs × every fault, and pairs
                                            (--stride 10: every tenth pair, 0: none; --timings 5: at five paces)
  npm run simulate -- --mutants             broken variants: which seed finds each (--schedules 20000 at most)
  npm run simulate -- --case '{…}'          one case, as it was printed, as a trace

  --only     mutants whose name holds this
  --json     one line of JSON at the end instead of text
  --threads  how many threads; all cores by default

Exit code: 0 nothing was violated, 1 something was, 2 wrong options. See test/simulation/README.md.
`;

const shownFailures = 10;

const ReductionSchema = z.strictObject({
  seed: z.int(),
  faults: z.array(z.int()).optional(),
  withoutTasks: z.array(z.string()).optional(),
  machines: z.int().optional(),
  batches: z.int().optional(),
  completions: z.enum(completionModes).optional(),
});
const SystematicSchema = z.strictObject({
  graph: z.string(),
  machines: z.int(),
  hostility: z.enum(["gentle", "hostile"]),
  completions: z.enum(completionModes),
  timing: z.int(),
  script: z.array(
    z.tuple([z.int(), z.custom<Parameters<typeof run>[1][number][1]>((fault) => typeof fault === "string")]),
  ),
});
const CaseSchema = z.union([ReductionSchema, SystematicSchema]);

const options = {
  schedules: { type: "string" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  systematic: { type: "boolean", default: false },
  stride: { type: "string", default: "1" },
  timings: { type: "string", default: "1" },
  mutants: { type: "boolean", default: false },
  only: { type: "string" },
  case: { type: "string" },
  threads: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

process.exitCode = await main();

async function main(): Promise<number> {
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  const threads = values.threads === undefined ? {} : { threads: Math.max(1, whole(values.threads)) };
  const parts = { json: values.json, ...threads };
  if (values.help) return print(help);
  if (values.case !== undefined) return replayCase(values.case);
  if (values.seed !== undefined) return replaySeed(whole(values.seed));
  if (values.systematic) {
    const stride = whole(values.stride);
    const units = await unitsOf(whole(values.timings));
    return runAll(
      units.map((unit): Job => ({ kind: "unit", unit, stride })),
      parts,
    );
  }
  if (values.mutants) return runMutants(whole(values.schedules ?? "20000"), values.only, parts);
  if (values.schedules === undefined) return refuse("Say what to run");
  return runAll(seedJobs(whole(values.from), whole(values.schedules)), parts);
}

async function runMutants(
  schedules: number,
  only: string | undefined,
  { json }: { json: boolean },
): Promise<number> {
  const found = await findMutants({ schedules, only }, (hunt) =>
    process.stderr.write(`${mutantRow(hunt)}\n`),
  );
  if (found.length === 0) return refuse(`There is no mutant whose name holds "${only}"`);
  const survivors = found.filter(({ failure, mutant }) => !failure && mutant.test === undefined);
  if (json) print(`${JSON.stringify(found)}\n`);
  else print(`${found.length - survivors.length} of ${found.length} mutants were found\n`);
  return survivors.length > 0 ? 1 : 0;
}

async function runAll(
  jobs: readonly Job[],
  { json, threads }: { json: boolean; threads?: number },
): Promise<number> {
  const began = performance.now();
  const total = { schedules: 0, events: 0, failures: [] as Failure[] };
  let shownAt = began;
  let jobsDone = 0;
  const onReport = ({ schedules, events, failures }: Report) => {
    jobsDone += 1;
    total.schedules += schedules;
    total.events += events;
    total.failures.push(...failures);
    for (const failure of failures.slice(0, shownFailures)) process.stderr.write(`${shown(failure)}\n`);
    if (performance.now() - shownAt > 5_000) {
      shownAt = performance.now();
      process.stderr.write(`${Math.floor((100 * jobsDone) / jobs.length)} %  ${summary(total, began)}\n`);
    }
    return total.failures.length < shownFailures;
  };
  await runJobs(jobs.values(), onReport, threads === undefined ? {} : { threads });
  const seconds = (performance.now() - began) / 1_000;
  if (json) print(`${JSON.stringify({ ...total, seconds })}\n`);
  else print(`${summary(total, began)}\n`);
  const [first] = total.failures;
  if (first?.seed !== undefined) await showSmallerCase(first.seed, first.rule);
  return first ? 1 : 0;
}

function summary({ schedules, events, failures }: Report, began: number): string {
  const seconds = (performance.now() - began) / 1_000;
  const rate = Math.round(schedules / seconds);
  const found = `${schedules} schedules, ${events} events, ${failures.length} violations`;
  return `${found} in ${seconds.toFixed(1)} s: ${rate} schedules/s`;
}

function shown({ rule, what, replay }: Failure): string {
  return `VIOLATION of ${rule}: ${what}\n  npm run simulate -- ${replay}`;
}

async function replaySeed(seed: number): Promise<number> {
  const outcome = await simulate(scenarioOf(seed, {}, true));
  showTrace(outcome);
  const { violation } = outcome;
  if (!violation) return 0;
  await showSmallerCase(seed, violation.rule);
  return 1;
}

async function showSmallerCase(seed: number, rule: string): Promise<void> {
  process.stderr.write("Looking for a smaller case …\n");
  const reduction = await shrink(seed, rule);
  process.stderr.write(`  npm run simulate -- --case '${JSON.stringify({ seed, ...reduction })}'\n`);
}

async function replayCase(text: string): Promise<number> {
  const parsed = CaseSchema.safeParse(jsonOf(text));
  if (!parsed.success) return refuse(`This is no case: ${z.prettifyError(parsed.error)}`);
  const outcome = await outcomeOf(parsed.data);
  showTrace(outcome);
  return outcome.violation ? 1 : 0;
}

async function outcomeOf(replayed: z.infer<typeof CaseSchema>): Promise<Outcome> {
  if ("graph" in replayed) return (await run(replayed, replayed.script, true)).outcome;
  const { seed, ...reduction } = replayed;
  return simulate(scenarioOf(seed, reduction satisfies Reduction, true));
}

function showTrace({ trace, events, simulatedMs, violation }: Outcome): void {
  print(`${trace.join("\n")}\n`);
  const end = violation ? `VIOLATION of ${violation.rule}: ${violation.what}` : "Nothing was violated";
  print(`${events} events in ${simulatedMs / 1_000} simulated seconds. ${end}\n`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function whole(text: string): number {
  const parsed = z.coerce.number().int().nonnegative().safeParse(text);
  if (parsed.success) return parsed.data;
  process.exit(refuse(`"${text}" is not a whole number`));
}

function print(text: string): 0 {
  process.stdout.write(text);
  return 0;
}

function refuse(why: string): 2 {
  process.stderr.write(`${why}\n\n${help}`);
  return 2;
}
