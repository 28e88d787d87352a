import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { AppliedWorkflow } from "../../core/records.ts";
import type { Schedule } from "../../core/schedule/schedule.ts";
import { type JsonValue, JsonValueSchema } from "../../core/values/json.ts";
import { ownBuckets } from "../../core/values/text.ts";
import { type Definition, DefinitionSchema, toJson } from "../../core/workflow/definition.ts";
import { buildGraph, type Graph, tasksOverJoinLimit } from "../../core/workflow/graph.ts";
import type { Ids } from "../../ports/machine.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import {
  ConflictError,
  type DocumentKey,
  type DocumentStore,
  type Snapshot,
  type Write,
} from "../../ports/store.ts";
import type { Dependencies } from "../dependencies.ts";
import { durably } from "../unit-of-work.ts";
import { commitIdempotent } from "./nonced-commit.ts";
import { recordKinds } from "./record-kinds.ts";
import { keyOf, Records } from "./records.ts";

/** A map that forgets what was not used for longest once it is full. */
export class LruMap<Key, Value> {
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

  /** Keeps the definition, so that batches can be pinned to it. Throws `WORKFLOW_INVALID`. */
  async save(definition: Definition): Promise<Graph> {
    const built = this.#build(definition);
    const known = this.#graphs.get(built.hash);
    if (known) return known;
    requireStorableEndings(built);
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

  /** One of thousands of tasks does not fit into a document. Its name is its hash: writing it again changes nothing. */
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

function requireStorableEndings({ definition }: Graph): void {
  const [crowded] = tasksOverJoinLimit(definition);
  if (!crowded) return;
  const where = `workflow "${definition.workflowId}", task "${crowded.taskId}"`;
  throw new BatonError("WORKFLOW_INVALID", crowded.message, { where });
}

/** Batches of this definition may run that were begun when joins were counted in parts of another size. */
function asPinned(built: Graph, { document }: Snapshot): Graph {
  const { joinShardParents } = StoredDefinitionSchema.parse(document?.data);
  if (joinShardParents === built.joinShardParents) return built;
  return buildGraph(built.definition, built.hash, joinShardParents);
}

const bucket = ownBuckets.definitions;

/** Of definitions that were stored before they said so. Never changes, unlike the limit. */
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

type Parts = Pick<Dependencies, "store" | "ids" | "clock">;

/** Workflows stored as data. Batches that run keep the definition they began with. */
export class AppliedWorkflows {
  readonly #parts: Parts;
  readonly #records: Records<AppliedWorkflow, Pick<AppliedWorkflow, "workflowId">>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#records = new Records(parts.store, recordKinds.appliedWorkflow);
  }

  /** Stores the workflow in place of an earlier one of the same id. The source has been validated. */
  async apply(workflowId: string, source: string): Promise<void> {
    const { store, ids, clock } = this.#parts;
    await durably(store, () =>
      this.#records.update({ workflowId }, () => ({
        workflowId,
        source,
        appliedAt: clock.now(),
        nonce: ids.unique(),
      })),
    );
  }

  async find(workflowId: string): Promise<AppliedWorkflow | undefined> {
    return (await this.#records.read({ workflowId }))?.data;
  }

  /**
   * Deletes the workflow. `schedules`: those that nothing follows any more; applied again, they start from then on
   * rather than catch up with what was never wanted. False when there was no such workflow.
   */
  remove(workflowId: string, schedules: readonly Schedule[]): Promise<boolean> {
    return durably(this.#parts.store, () => this.#remove(workflowId, schedules));
  }

  async #remove(workflowId: string, schedules: readonly Schedule[]): Promise<boolean> {
    const { store } = this.#parts;
    for (let isAsked = false; ; isAsked = true) {
      const { document } = await store.get(this.#records.key({ workflowId }));
      // Gone after we asked: it was us, whatever the answer said.
      if (!document) return isAsked;
      const writes: Write[] = [{ kind: "delete", key: document.key, version: document.version }];
      for (const schedule of schedules) {
        const key = keyOf(recordKinds.scheduleCursor, { ...schedule, workflowId });
        const { document: cursor } = await store.get(key);
        if (cursor) writes.push({ kind: "delete", key, version: cursor.version });
      }
      await store.commit(writes).catch((error: unknown) => {
        // It was applied again, or a schedule went on, or it is our own delete that was sent twice.
        if (!(error instanceof ConflictError)) throw error;
      });
    }
  }

  async all(): Promise<AppliedWorkflow[]> {
    const found: AppliedWorkflow[] = [];
    for await (const page of this.#records.pages([], limits.queryPage))
      found.push(...page.map(({ data }) => data));
    return found;
  }
}
