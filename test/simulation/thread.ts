import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { Failure, Job, Report } from "./job-list.ts";
import type { BrokenSource } from "./mutation-marks.ts";
import type { Reduction } from "./scenario.ts";
import type { Outcome } from "./simulation.ts";

Error.stackTraceLimit = 0;
const { broken }: { readonly broken?: BrokenSource } = workerData ?? {};
if (broken) load(broken);
// Loaded only now: a mutant must be in place before the engine is.
const { scenarioOf } = await import("./scenario.ts");
const { simulate } = await import("./simulation.ts");
const { runUnit } = await import("./systematic.ts");

parentPort?.on("message", (job: Job) => {
  void (job.kind === "seeds" ? runSeeds(job) : runSystematic(job)).then((report) =>
    parentPort?.postMessage(report),
  );
});

async function runSeeds({ from, count, completions }: Extract<Job, { kind: "seeds" }>): Promise<Report> {
  const failures: Failure[] = [];
  let events = 0;
  for (let seed = from; seed < from + count; seed++) {
    const { events: many, violation } = await outcomeOf(seed, { completions });
    events += many;
    if (violation) failures.push({ ...violation, seed, replay: `--seed ${seed}` });
  }
  return { schedules: count, events, failures };
}

/** What ends a run from outside of it is a finding too. */
function outcomeOf(seed: number, reduction: Reduction): Promise<Pick<Outcome, "events" | "violation">> {
  return simulate(scenarioOf(seed, reduction)).catch((error: unknown) => ({
    events: 0,
    violation: { rule: "runs-end", what: error instanceof Error ? error.message : String(error) },
  }));
}

async function runSystematic({ unit, stride }: Extract<Job, { kind: "unit" }>): Promise<Report> {
  const { schedules, events, findings } = await runUnit(unit, stride);
  const failures = findings.flatMap(({ script, outcome: { violation } }): Failure[] => {
    const { graph, machines, hostility, completions, timing } = unit;
    const replay = `--case '${JSON.stringify({ graph, machines, hostility, completions, timing, script })}'`;
    return violation ? [{ ...violation, replay }] : [];
  });
  return { schedules, events, failures };
}

/** Loads a broken source in place of the sound one, in this thread alone. */
function load({ file, source }: BrokenSource): void {
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      return url === pathToFileURL(file).href ? { ...loaded, source } : loaded;
    },
  });
}
