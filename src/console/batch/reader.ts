import type { App } from "../../app/app.ts";
import type { DisplayStatus, TaskBatch, TaskLog } from "../../core/records.ts";
import type { Definition } from "../../core/workflow/definition.ts";
import { buildGraph, type Graph } from "../../core/workflow/graph.ts";
import { type DrawnGraph, prepare } from "../graph/draw.ts";
import type { FoldedGraph } from "../graph/fold.ts";
import { around, foldGraph } from "../graph/fold.ts";
import { type ReadLog, type RunningLogs, readFrontier } from "./frontier.ts";

/** A batch with everything that its pages show. */
export interface BatchState {
  readonly batch: TaskBatch;
  readonly graph: Graph;
  readonly logs: ReadonlyMap<string, ReadLog>;
  readonly counts: ReadonlyMap<DisplayStatus, number>;
}

export function statusOf({ logs }: Pick<BatchState, "logs">, taskId: string): DisplayStatus {
  return logs.get(taskId)?.log.status ?? "NEW";
}

/** More drawn nodes than this are no picture any more. */
export const mostDrawn = 150;
/** Levels around a chosen task. */
const levelsAround = 2;

/** Things of an immutable definition, made once. */
interface DefinitionPictures {
  readonly folded: FoldedGraph;
  readonly drawn: Map<string, DrawnGraph>;
}

const keptDefinitions = 50;
const keptBatches = 20;

/** Reads batches for the console, and keeps what can't change: endings, definitions and their pictures. */
export class BatchReader {
  readonly #app: App;
  readonly #pictures = new Map<string, DefinitionPictures>();
  readonly #deployed = new WeakMap<Definition, Graph>();
  readonly #running = new Map<string, RunningLogs>();
  readonly #ended = new Map<string, BatchState>();

  constructor(app: App) {
    this.#app = app;
  }

  /** Throws `BATCH_UNKNOWN`, `DEFINITION_MISSING`. */
  async read(batchId: string): Promise<BatchState> {
    const { admin } = this.#app.engine;
    const batch = await admin.batch(batchId);
    const kept = this.#ended.get(batchId);
    if (kept && kept.batch.nonce === batch.nonce) return kept;
    const graph = await admin.definition(batch.definitionHash);
    const logs = await this.#logs(batch, graph);
    const state = { batch, graph, logs, counts: countStatuses(graph, logs) };
    if (batch.status !== "RUNNING") keep(this.#ended, batchId, state, keptBatches);
    return state;
  }

  /** The logs of a batch. Of one that was read before and still runs, only those that may have changed are read. */
  async #logs({ batchId, status, cancelRequested }: TaskBatch, graph: Graph): Promise<Map<string, ReadLog>> {
    const { admin } = this.#app.engine;
    const known = this.#running.get(batchId);
    // A cancel writes logs of tasks anywhere in the graph.
    if (known && status === "RUNNING" && !cancelRequested) {
      await readFrontier(graph, known, (taskId) => admin.log(batchId, taskId));
      return known.logs;
    }
    const logs = new Map(await admin.logs(batchId));
    if (status === "RUNNING") keep(this.#running, batchId, { logs, polls: new Map(), poll: 0 }, keptBatches);
    else this.#running.delete(batchId);
    return logs;
  }

  /** The graph of a definition that is deployed. */
  graphOf(definition: Definition): Graph {
    const known = this.#deployed.get(definition);
    if (known) return known;
    const built = buildGraph(definition);
    this.#deployed.set(definition, built);
    return built;
  }

  /** The tasks that are drawn as one node with this one. */
  siblings(graph: Graph, taskId: string): ReadonlySet<string> {
    const { folded } = this.#picturesOf(graph);
    const group = folded.groups[folded.groupOf.get(taskId) ?? -1];
    return new Set(group?.tasks.map(({ id }) => id));
  }

  #picturesOf(graph: Graph): DefinitionPictures {
    const known = this.#pictures.get(graph.hash);
    if (known) return known;
    const made = { folded: foldGraph(graph.definition), drawn: new Map() };
    keep(this.#pictures, graph.hash, made, keptDefinitions);
    return made;
  }

  /**
   * The picture of a definition: all of it, or the part around a task if all of it is too much. Undefined: it is too
   * much, and no task is chosen.
   */
  picture(graph: Graph, chosen: string | undefined): DrawnGraph | undefined {
    const { folded, drawn } = this.#picturesOf(graph);
    const centre = chosen === undefined ? undefined : folded.groupOf.get(chosen);
    const isWhole = folded.groups.length <= mostDrawn;
    if (!isWhole && centre === undefined) return undefined;
    const name = isWhole ? "" : String(centre);
    const known = drawn.get(name);
    if (known) return known;
    const made = prepare(isWhole ? folded : around(folded, centre ?? 0, levelsAround, mostDrawn));
    keep(drawn, name, made, keptDefinitions);
    return made;
  }
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}

function countStatuses(graph: Graph, logs: ReadonlyMap<string, ReadLog>): Map<DisplayStatus, number> {
  const counts = new Map<DisplayStatus, number>();
  for (const { log } of logs.values()) counts.set(log.status, (counts.get(log.status) ?? 0) + 1);
  const missing = graph.tasks.size - logs.size;
  if (missing > 0) counts.set("NEW", missing);
  return counts;
}

/** The tasks of a batch that have ended in an error, the first one first. */
export function failedTasks({ logs }: Pick<BatchState, "logs">): TaskLog[] {
  const failed = [...logs.values()].filter(({ log }) => log.status === "ERROR").map(({ log }) => log);
  return failed.sort((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0));
}

export function isOver({ batch }: Pick<BatchState, "batch">): boolean {
  return batch.status !== "RUNNING";
}
