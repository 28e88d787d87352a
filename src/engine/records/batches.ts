import * as z from "zod";
import { decisiveRun, isPastRetention } from "../../core/batch.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { TaskBatch } from "../../core/records.ts";
import { ownBuckets } from "../../core/records.ts";
import { type JsonValue, JsonValueSchema } from "../../core/values/json.ts";
import { type Definition, DefinitionSchema, toJson } from "../../core/workflow/definition.ts";
import { buildGraph, type Graph, type Join, tasksOverJoinLimit } from "../../core/workflow/graph.ts";
import type { Ids } from "../../ports/machine.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { DocumentKey, DocumentStore, Snapshot } from "../../ports/store.ts";
import type { Dependencies } from "../dependencies.ts";
import { type CommitOutcome, commitIdempotent, durably } from "./commit.ts";
import { Records, recordKinds, type Stored } from "./records.ts";

/** The part of a TaskBatch that never changes, and what this process has dispatched for it. */
export interface PinnedBatch {
  readonly batchId: string;
  readonly workflowId: string;
  readonly input: TaskBatch["input"];
  readonly graph: Graph;
  /** Children whose start or skip this process has published. */
  readonly dispatchedChildren: Set<string>;
  /** Joins all of whose children it has dispatched. */
  readonly dispatchedJoins: Set<Join>;
}

export class Batches {
  readonly #records: Records<TaskBatch, Pick<TaskBatch, "batchId">>;
  readonly #definitions: Definitions;
  readonly #retentionSeconds: number | undefined;
  readonly #pinned = new LruMap<string, PinnedBatch>(limits.cachedBatches);

  /** `retentionSeconds`: how long the store keeps documents. Undefined: for ever. */
  constructor(store: DocumentStore, definitions: Definitions, retentionSeconds: number | undefined) {
    this.#records = new Records(store, recordKinds.batch);
    this.#definitions = definitions;
    this.#retentionSeconds = retentionSeconds;
  }

  /** Reads the batch once per process. Throws `BATCH_UNKNOWN`, `BATCH_EXPIRED`. */
  async pinned(batchId: string): Promise<PinnedBatch> {
    const known = this.#pinned.get(batchId);
    if (known) return known;
    const found = await this.read(batchId);
    const { data: batch } = found;
    if (this.isExpired(found))
      throw new BatonError("BATCH_EXPIRED", `Batch ${batchId} is too old to continue`);
    const graph = await this.#definitions.load(batch.definitionHash);
    // Another message of the batch may have stored it meanwhile.
    return this.#pinned.get(batchId) ?? this.#remember(batch, graph);
  }

  /** Whether the store may have deleted documents of the batch. Then a missing document proves nothing. */
  isExpired({ data, writtenAt, ageMs }: Stored<TaskBatch>): boolean {
    const ageSeconds = (writtenAt + ageMs - data.createdAt) / 1_000;
    return this.#retentionSeconds !== undefined && isPastRetention(ageSeconds, this.#retentionSeconds);
  }

  async create(batch: TaskBatch, graph: Graph): Promise<CommitOutcome> {
    const outcome = await this.#records.create(batch);
    // mutation: batch-keeps-its-definition
    if (outcome.kind === "won") this.#remember(batch, graph);
    return outcome;
  }

  /** Throws `BATCH_UNKNOWN`. */
  async read(batchId: string): Promise<Stored<TaskBatch>> {
    return required(batchId, await this.find(batchId));
  }

  find(batchId: string): Promise<Stored<TaskBatch> | undefined> {
    return this.#records.read({ batchId });
  }

  /** The run that represents the lineage for its start key. Only a failed or cancelled batch can have been retried. */
  async answering(batch: TaskBatch): Promise<TaskBatch> {
    if (batch.status !== "ERROR" && batch.status !== "CANCELLED") return batch;
    const runs = [batch];
    const ofLineage = [{ field: "lineageId", equals: batch.lineageId }];
    await this.#records.eachReadable(ofLineage, ({ data }) => {
      runs.push(data);
    });
    return decisiveRun(runs) ?? batch;
  }

  /**
   * Changes the batch. `change` returns the fields to write, or undefined to write nothing; it runs again after a version
   * conflict. Throws `BATCH_UNKNOWN`.
   */
  async update(
    batchId: string,
    nonce: () => string,
    change: (batch: TaskBatch) => Promise<Partial<TaskBatch> | undefined>,
  ): Promise<TaskBatch> {
    const { before, after } = await this.#records.update({ batchId }, async (found) => {
      const batch = required(batchId, found).data;
      const changed = await change(batch);
      return changed && { ...batch, ...changed, nonce: nonce() };
    });
    return after ?? required(batchId, before).data;
  }

  #remember(batch: TaskBatch, graph: Graph): PinnedBatch {
    const { batchId, workflowId, input } = batch;
    const pinned: PinnedBatch = {
      batchId,
      workflowId,
      input,
      graph,
      dispatchedChildren: new Set(),
      dispatchedJoins: new Set(),
    };
    this.#pinned.set(batchId, pinned);
    return pinned;
  }
}

function required(batchId: string, found: Stored<TaskBatch> | undefined): Stored<TaskBatch> {
  if (!found) throw new BatonError("BATCH_UNKNOWN", `There is no batch ${batchId}`);
  return found;
}

/** A map that evicts the least recently used entry when it is full. */
class LruMap<Key, Value> {
  readonly #most: number;
  readonly #entries = new Map<Key, Value>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** Definitions by the hash of their content. They never change, so a process reads each one once. */
export class Definitions {
  readonly #store: DocumentStore;
  readonly #objects: ObjectStore;
  readonly #ids: Ids;
  readonly #graphs = new LruMap<string, Graph>(limits.cachedBatches);
  /** Graphs of deployed definitions, by identity, so that a start does not hash the definition again. */
  readonly #built = new WeakMap<Definition, Graph>();

  constructor({ store, objects, ids }: Pick<Dependencies, "store" | "objects" | "ids">) {
    this.#store = store;
    this.#objects = objects;
    this.#ids = ids;
  }

  /** Stores the definition, so that batches can be pinned to it. Throws `WORKFLOW_INVALID`. */
  async save(definition: Definition): Promise<Graph> {
    const built = this.#build(definition);
    const known = this.#graphs.get(built.hash);
    if (known) return known;
    assertJoinsFit(built);
    const stored = await this.#put(built.hash, toJson(definition));
    const data = { nonce: this.#ids.unique(), joinShardParents: built.joinShardParents, ...stored };
    const kept = await durably(this.#store, () =>
      commitIdempotent(this.#store, { kind: "create", key: definitionKey(built.hash), data }),
    );
    const graph = kept.kind === "won" ? built : asPinned(built, kept.current);
    this.#graphs.set(graph.hash, graph);
    return graph;
  }

  /** Throws `DEFINITION_MISSING`. */
  async load(hash: string): Promise<Graph> {
    const known = this.#graphs.get(hash);
    if (known) return known;
    const { document } = await this.#store.get(definitionKey(hash));
    if (!document) throw new BatonError("DEFINITION_MISSING", `Definition ${hash} is not stored`);
    const { definition, object, joinShardParents } = StoredDefinitionSchema.parse(document.data);
    const json = object === undefined ? definition : await readJson(this.#objects, object);
    const graph = buildGraph(DefinitionSchema.parse(json), hash, joinShardParents);
    this.#graphs.set(hash, graph);
    return graph;
  }

  /** A definition of thousands of tasks does not fit into a document. The object is named by the hash: a repeated write changes nothing. */
  async #put(hash: string, definition: JsonValue): Promise<StoredDefinition> {
    const text = JSON.stringify(definition);
    if (Buffer.byteLength(text) <= limits.inlineDefinitionBytes) return { definition };
    const object = `${hash}.json`;
    await this.#objects.write({ bucket, object }, Buffer.from(text), "application/json");
    return { object };
  }

  #build(definition: Definition): Graph {
    const built = this.#built.get(definition) ?? buildGraph(definition);
    this.#built.set(definition, built);
    return built;
  }
}

function assertJoinsFit({ definition }: Graph): void {
  const [crowded] = tasksOverJoinLimit(definition);
  if (!crowded) return;
  const where = `workflow "${definition.workflowId}", task "${crowded.taskId}"`;
  throw new BatonError("WORKFLOW_INVALID", crowded.message, { where });
}

/** Batches of this definition may have started under a release that counted joins in shards of another size. */
function asPinned(built: Graph, { document }: Snapshot): Graph {
  const { joinShardParents } = StoredDefinitionSchema.parse(document?.data);
  if (joinShardParents === built.joinShardParents) return built;
  return buildGraph(built.definition, built.hash, joinShardParents);
}

const bucket = ownBuckets.definitions;

/** For definitions that were stored without the size. Unlike the limit, it never changes. */
const joinShardParentsBefore = 1_000;

const StoredDefinitionSchema = z.object({
  definition: JsonValueSchema.optional(),
  object: z.string().optional(),
  joinShardParents: z.int().positive().default(joinShardParentsBefore),
});

type StoredDefinition = { readonly definition: JsonValue } | { readonly object: string };

async function readJson(objects: ObjectStore, object: string): Promise<JsonValue> {
  const content = await objects.read({ bucket, object });
  return JsonValueSchema.parse(JSON.parse(new TextDecoder().decode(content)));
}

function definitionKey(hash: string): DocumentKey {
  return { collection: "definitions", id: hash };
}
