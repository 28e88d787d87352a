import { BatonError } from "../../core/errors/errors.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { AnyTaskFunction, TaskContext } from "../../runtime/task-type.ts";
import { type BuiltWorkflow, isWorkflow } from "../../workflow/workflow.ts";
import { installVirtualGlobals, removeVirtualGlobals } from "../code/virtual-globals.ts";
import type { ServiceFakes } from "../fakes/fake-services.ts";
import { thin } from "../world/thin.ts";
import { type ChaosFinding, findingRemedies, type Suspicion } from "./findings.ts";
import { judgeOrder } from "./judge-order.ts";
import { judgeRuns } from "./judge-runs.ts";
import { type ChaosSubject, runSchedule, type ScheduleOptions, type ScheduleRecord } from "./schedule.ts";

export interface ChaosOptions extends ServiceFakes {
  readonly input?: unknown;
  /** A file whose drop starts the workflow, in place of an input. */
  readonly drop?: { readonly name: string; readonly content: string | Uint8Array };
  /** How many schedules are tried. Default 200. */
  readonly schedules?: number;
  /** The first seed; the following schedules have the next ones. Default 1. */
  readonly seed?: number;
  /** Functions that run in place of the code of tasks. */
  readonly mocks?: Readonly<Record<string, (context: TaskContext) => unknown>>;
  /** Events that the batch receives, with their payloads. */
  readonly events?: Readonly<Record<string, JsonValue>>;
  /** Results of tasks that wait for a completion. */
  readonly completions?: Readonly<Record<string, JsonValue>>;
  /** Called after each schedule. */
  readonly onSchedule?: (done: number) => void;
}

export interface ChaosReport {
  readonly workflowId: string;
  readonly seed: number;
  readonly schedules: number;
  /** One for each kind of fault and task. */
  readonly findings: readonly ChaosFinding[];
  /** Tasks that ran in none of the schedules: nothing is known of their code. */
  readonly untried: readonly string[];
  /** The errors of tasks that fail without any fault, by their ids. They are often why others are untried. */
  readonly failures: Readonly<Record<string, string>>;
}

const defaultSchedules = 200;
const referenceSeed = 0;
/** Processes with module variables of their own. */
const mostCopies = 3;
/** Schedules without faults in which only the order of messages differs. */
const orders = 10;
/** How often a shorter story is looked for in the schedules of other seeds. */
const mostShorterStories = 3;
/** Runs that the search for a shorter schedule may take. */
const mostShrinkingRuns = 40;

/**
 * Runs a workflow, with the real code of its tasks, under the faults of many seeds, and reports what that code does
 * wrong. Services are fakes. The same seed gives the same report. A function is called once for each of several copies
 * of the workflow: if it loads the file again each time, tasks of different workers share no variables. Throws
 * `INPUT_INVALID`, `WORKFLOW_INVALID`.
 */
export async function chaos(
  given: BuiltWorkflow | (() => Promise<BuiltWorkflow>),
  options: ChaosOptions = {},
): Promise<ChaosReport> {
  const load = async () => (typeof given === "function" ? given() : given);
  const copies = await loadCopies(load);
  const [workflow] = copies;
  if (!isWorkflow(workflow))
    throw new BatonError("WORKFLOW_INVALID", "chaos takes a workflow, which this is not");
  const { schedules = defaultSchedules, seed = 1, onSchedule } = options;
  const search = new Search(toSubject(workflow, copies, options), load);
  installVirtualGlobals();
  try {
    await search.compareOrders(seed);
    for (let index = 0; index < schedules; index += 1) {
      await search.tryFaults(seed + index);
      onSchedule?.(index + 1);
    }
  } finally {
    removeVirtualGlobals();
  }
  return { workflowId: workflow.id, seed, schedules, ...search.result };
}

async function loadCopies(load: () => Promise<BuiltWorkflow>): Promise<readonly BuiltWorkflow[]> {
  const copies: BuiltWorkflow[] = [];
  for (let copy = 0; copy < mostCopies; copy += 1) copies.push(await load());
  return copies;
}

function toSubject(
  workflow: BuiltWorkflow,
  copies: readonly BuiltWorkflow[],
  options: ChaosOptions,
): ChaosSubject {
  const { input, drop, mocks = {}, events = {}, completions = {}, ...fakes } = options;
  const given = input === undefined ? undefined : workflow.parseInput(JSON.parse(JSON.stringify(input)));
  if (!drop && given === undefined) workflow.parseInput(null);
  return {
    workflow,
    copies,
    input: input === undefined ? undefined : JSON.parse(JSON.stringify(input)),
    drop,
    fakes,
    mocks: new Map<string, AnyTaskFunction>(Object.entries(mocks)),
    events,
    completions,
    stalls: new Set(),
  };
}

/** Collects one finding for each kind of fault and task. */
class Search {
  readonly #subject: ChaosSubject;
  readonly #load: () => Promise<BuiltWorkflow>;
  readonly #findings = new Map<string, ChaosFinding>();
  readonly #tried = new Set<string>();
  #failures: ReadonlyMap<string, string> = new Map();
  #shorterStories = mostShorterStories;
  /** The same for every seed, so that a finding is shown again by its seed alone. */
  #points = 0;

  constructor(subject: ChaosSubject, load: () => Promise<BuiltWorkflow>) {
    this.#subject = subject;
    this.#load = load;
  }

  get result(): Pick<ChaosReport, "findings" | "untried" | "failures"> {
    const { tasks } = this.#subject.workflow.definition;
    return {
      findings: [...this.#findings.values()],
      untried: tasks.map(({ id }) => id).filter((id) => !this.#tried.has(id)),
      failures: Object.fromEntries(this.#failures),
    };
  }

  async #run(subject: ChaosSubject, options: ScheduleOptions): Promise<ScheduleRecord> {
    const record = await runSchedule(subject, options);
    for (const { taskId } of record.runs) this.#tried.add(taskId);
    // The runs are those of functions. A built-in task has run if it ended by its own work.
    for (const [taskId, { status }] of record.endings)
      if (status === "SUCCESS" || status === "ERROR") this.#tried.add(taskId);
    return record;
  }

  /** Runs the workflow without faults: twice in the same order, then in others, each time with new variables. */
  async compareOrders(seed: number): Promise<void> {
    const first = await this.#run(this.#subject, { seed });
    this.#failures = first.errors;
    for (const suspicion of judgeRuns(first)) this.#add(suspicion, first, 0);
    this.#compare(first, await this.#run(this.#subject, { seed }), { isSameOrder: true });
    this.#points = (await this.#run(this.#subject, { seed: referenceSeed })).points;
    const fresh = async (number: number) => {
      const subject = { ...this.#subject, copies: await loadCopies(this.#load) };
      return this.#run(subject, { seed: seed + number, hasDelays: number > 0 });
    };
    const base = await fresh(0);
    for (let order = 1; order < orders; order += 1)
      this.#compare(base, await fresh(order), { isSameOrder: false });
  }

  #compare(one: ScheduleRecord, other: ScheduleRecord, options: { readonly isSameOrder: boolean }): void {
    const { tasks } = this.#subject.workflow.definition;
    const parents = new Map(tasks.map(({ id, after }) => [id, after]));
    for (const suspicion of judgeOrder(one, other, parents, options))
      this.#add(suspicion, { seed: one.seed, story: other.story }, 0);
  }

  async tryFaults(seed: number): Promise<void> {
    const record = await this.#run(this.#subject, { seed, faults: { points: this.#points } });
    for (const suspicion of judgeRuns(record)) {
      const known = this.#findings.get(keyOf(suspicion));
      // With one fault or none, the story can hardly be shorter.
      if (!known) await this.#shrink(suspicion, record);
      else if (known.faults > 1 && record.faults < known.faults && this.#shorterStories > 0) {
        this.#shorterStories -= 1;
        await this.#shrink(suspicion, record);
      }
    }
  }

  /** Looks for the fewest faults with which the same happens. */
  async #shrink(suspicion: Suspicion, whole: ScheduleRecord): Promise<void> {
    let best = { suspicion, record: whole };
    let runs = 0;
    const numbers = Array.from({ length: whole.faults }, (_, number) => number);
    const kept = await thin(numbers, async (faults) => {
      runs += 1;
      if (runs > mostShrinkingRuns) return false;
      const only = new Set(faults);
      const record = await this.#run(this.#subject, {
        seed: whole.seed,
        faults: { only, points: this.#points },
      });
      const same = judgeRuns(record).find((other) => keyOf(other) === keyOf(suspicion));
      if (same) best = { suspicion: same, record };
      return same !== undefined;
    });
    this.#add(best.suspicion, best.record, kept.length);
  }

  #add(suspicion: Suspicion, { seed, story }: Pick<ScheduleRecord, "seed" | "story">, faults: number): void {
    const key = keyOf(suspicion);
    if ((this.#findings.get(key)?.faults ?? faults + 1) <= faults) return;
    const { code, taskId } = suspicion;
    const remedy = findingRemedies[code];
    const lines = story.linesFor(code === "STATE_SHARED" ? undefined : taskId);
    this.#findings.set(key, { ...suspicion, remedy, seed, faults, story: lines });
  }
}

function keyOf({ code, taskId }: Suspicion): string {
  return `${code} ${taskId}`;
}
