import type { Effect, RunObserver, WatchedRun } from "../code/watched-run.ts";
import { Trace } from "../world/trace.ts";

/** How many workers a schedule has. */
export const places = 2;

/** How long the result of a task is on its way to the store. */
const settleMs = 40;

/** What happened, for people: faults, and what the code of tasks did. */
export class Story extends Trace implements RunObserver {
  readonly #lines: { readonly atMs: number; readonly taskId: string | undefined; readonly text: string }[] =
    [];
  readonly #runs: WatchedRun[] = [];
  readonly #beginning: number;

  constructor(beginning: number) {
    super(false);
    this.#beginning = beginning;
  }

  /** Every run of a function, in the order in which they began. */
  get runs(): readonly WatchedRun[] {
    return this.#runs;
  }

  /** Whether the code of a task runs, or has just ended and its result is being stored. */
  isTaskTime(now: number): boolean {
    return this.#runs.some(({ ending, endedAt = now, process, waits }) =>
      ending === undefined ? process.isAlive && waits === 0 : now - endedAt < settleMs,
    );
  }

  /** The lines about a task, and all faults. Default: about all tasks. */
  linesFor(taskId?: string): readonly string[] {
    const isShown = (line: { readonly taskId: string | undefined }) =>
      taskId === undefined || line.taskId === undefined || line.taskId === taskId;
    const lines = this.#lines.filter(isShown);
    return lines.map(({ atMs, text }) => `${(atMs / 1_000).toFixed(3).padStart(9)} s  ${text}`);
  }

  override add(elapsedMs: number, what: string, detail: (() => string) | undefined): void {
    super.add(elapsedMs, what, detail);
    const text = faultText(what, detail);
    if (text !== undefined) this.#lines.push({ atMs: elapsedMs, taskId: undefined, text });
  }

  started(run: WatchedRun): void {
    const before = this.#runs.filter(
      ({ taskId, attempt }) => taskId === run.taskId && attempt === run.attempt,
    );
    this.#runs.push(run);
    const continues = before.length > 0 ? ", which continues from its beginning" : "";
    this.#note(run, `${workerOf(run)}: runs ${run.taskId}, attempt ${run.attempt}${continues}`);
  }

  effect(run: WatchedRun, { what, step, isAfterAbort }: Effect): void {
    const place = step === undefined ? "" : ` in step "${step}"`;
    const late = isAfterAbort ? ", although its signal is aborted" : "";
    this.#note(run, `${workerOf(run)}: ${run.taskId}${place}: ${what}${late}`);
  }

  stepDone(run: WatchedRun, name: string): void {
    this.#note(run, `${workerOf(run)}: ${run.taskId}: step "${name}" is done`);
  }

  aborted(run: WatchedRun): void {
    this.#note(run, `${workerOf(run)}: the signal of ${run.taskId} is aborted`);
  }

  ended(run: WatchedRun): void {
    const { ending } = run;
    if (!ending) return;
    const how = ending.kind === "threw" ? "throws" : ending.kind === "parked" ? "waits" : "returns";
    const json =
      ending.kind === "returned" ? ` ${(ending.json ?? "a value that is not JSON").slice(0, 80)}` : "";
    this.#note(run, `${workerOf(run)}: ${run.taskId} ${how}${json}`);
  }

  #note(run: WatchedRun, text: string): void {
    this.#lines.push({ atMs: run.now - this.#beginning, taskId: run.taskId, text });
  }
}

function workerOf({ process }: WatchedRun): string {
  return workerName(process.name);
}

/** The first processes are numbered through: `p1.1` and `p2.2`. Later ones replace them. */
function workerName(process: string): string {
  const [, place = "", start = "1"] = /^p(\d+)\.(\d+)$/.exec(process) ?? [];
  return `worker ${place}${Number(start) > places ? ", restarted" : ""}`;
}

const siteTexts: Readonly<Record<string, string>> = {
  read: "a read of the store",
  write: "a write to the store",
  object: "a call of the object store",
  publish: "the publishing of a message",
  schedule: "the scheduling of a message",
  callback: "the sending of a callback",
  archive: "the archiving of a callback",
};

const faultTexts: Readonly<Record<string, string>> = {
  refused: "fails and is not carried out",
  error: "is carried out, but answered with an error",
  conflict: "is carried out, but answered with a conflict",
  lost_reply: "is carried out, but its answer is lost",
  late: "is carried out after the client has given up",
  slow: "takes longer than a lease",
  crash_before: "is not made: the worker dies first",
  crash_after: "is carried out, and the worker dies before it gets the answer",
  hang: "is made, and the worker stands still for longer than a lease",
  partly: "is carried out in part, and answered with an error",
  twice: "is carried out twice",
  delayed: "is carried out late",
  dropped: "is answered, but never carried out",
};

function faultText(what: string, detail: (() => string) | undefined): string | undefined {
  const [, process, site, fault = ""] = /^(p\d+\.\d+) (\w+) (\w+)$/.exec(what) ?? [];
  if (process === undefined || site === undefined) return deliveryTexts[what];
  const text = faultTexts[fault];
  return text && `fault: ${workerName(process)}: ${siteTexts[site] ?? `the call ${detail?.()}`} ${text}`;
}

const deliveryTexts: Readonly<Record<string, string>> = {
  "delivery twice": "fault: a message is delivered twice",
  "delivery delayed": "fault: a message is delivered late",
  "delivery lost_acknowledgement": "fault: the acknowledgement of a message is lost, so that it comes again",
};
