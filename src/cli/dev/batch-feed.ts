import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../app/app.ts";
import { follow } from "../../app/batch-control.ts";
import { errorMessage } from "../../core/errors/errors.ts";
import type { BatchSummary, TaskView } from "../../core/views/views.ts";
import { batchLine, changeLine } from "../follow-batch.ts";
import { oneLine, timeOfDay } from "../output/text.ts";

const pollMs = 200;
/** Batches that are looked for at once, and those whose tasks are shown one by one. */
const most = { newest: 50, followed: 20 };

interface FeedOptions {
  readonly stop: AbortSignal;
  readonly print: (line: string) => void;
}

/** Shows the batches of a data folder as they start, run and end, in whatever process. */
export class BatchFeed {
  readonly #app: Pick<App, "engine">;
  readonly #options: FeedOptions;
  readonly #seen = new Set<string>();
  #followed = 0;
  #wake = () => {};
  #problem: string | undefined;

  constructor(app: Pick<App, "engine">, options: FeedOptions) {
    this.#app = app;
    this.#options = options;
  }

  /** Batches that have ended before are not shown. Resolves when `stop` is aborted. */
  async run(): Promise<void> {
    const { stop } = this.#options;
    const running: Promise<void>[] = [];
    let isFirst = true;
    while (!stop.aborted) {
      const found = await this.#newest();
      for (const batch of found) {
        this.#seen.add(batch.batchId);
        if (!isFirst || batch.status === "RUNNING") running.push(this.#show(batch, isFirst));
      }
      isFirst = false;
      await this.#pause();
    }
    await Promise.all(running);
  }

  /** Looks for batches at once. */
  wake(): void {
    this.#wake();
  }

  /** Unseen batches, oldest first. A read that fails is repeated. */
  async #newest(): Promise<readonly BatchSummary[]> {
    try {
      const { batches } = await this.#app.engine.admin.batches({}, { limit: most.newest });
      this.#problem = undefined;
      return batches.filter(({ batchId }) => !this.#seen.has(batchId)).reverse();
    } catch (error) {
      const problem = errorMessage(error);
      if (problem !== this.#problem) this.#options.print(`The batches can't be read: ${oneLine(problem)}`);
      this.#problem = problem;
      return [];
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const { stop } = this.#options;
    await Promise.race([promise, sleep(pollMs, undefined, { signal: stop }).catch(() => {})]);
  }

  async #show({ batchId, startedBy }: BatchSummary, isOld: boolean): Promise<void> {
    const { stop, print } = this.#options;
    print(`${timeOfDay()}  batch ${batchId} ${isOld ? "continues" : "started"}, by ${oneLine(startedBy)}`);
    const isDetailed = this.#followed < most.followed;
    this.#followed += 1;
    try {
      const onChange = isDetailed ? (task: TaskView) => this.#printTask(batchId, task) : undefined;
      await follow(this.#app, batchId, { stop, onChange });
      if (!stop.aborted) print(`${timeOfDay()}  ${batchLine(await this.#app.engine.admin.show(batchId))}`);
    } catch (error) {
      print(`batch ${batchId} can't be read: ${oneLine(errorMessage(error))}`);
    }
    this.#followed -= 1;
  }

  #printTask(batchId: string, task: TaskView): void {
    const { print } = this.#options;
    print(changeLine(task, batchId));
    if (task.error?.remedy && task.status === "ERROR") print(`  what to do: ${oneLine(task.error.remedy)}`);
  }
}
