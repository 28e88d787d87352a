import * as z from "zod";
import { ownBuckets } from "../core/buckets.ts";
import { crowdedTasks } from "../core/crowded-tasks.ts";
import { type Definition, DefinitionSchema, toJson } from "../core/definition.ts";
import { BatonError } from "../core/errors.ts";
import { buildGraph, type Graph } from "../core/graph.ts";
import { type JsonValue, JsonValueSchema } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import type { Ids } from "../ports/ids.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { DocumentKey, DocumentStore, Snapshot } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { LruMap } from "./lru-map.ts";
import { commitOwned } from "./owned-commit.ts";
import { durably } from "./unit-of-work.ts";

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
      commitOwned(this.#store, { kind: "create", key: keyOf(built.hash), data }),
    );
    const graph = kept.kind === "won" ? built : asPinned(built, kept.current);
    this.#graphs.set(graph.hash, graph);
    return graph;
  }

  /** Throws `DEFINITION_MISSING`. */
  async load(hash: string): Promise<Graph> {
    const known = this.#graphs.get(hash);
    if (known) return known;
    const { document } = await this.#store.get(keyOf(hash));
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
  const [crowded] = crowdedTasks(definition);
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

function keyOf(hash: string): DocumentKey {
  return { collection: "definitions", id: hash };
}
