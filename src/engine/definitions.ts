import * as z from "zod";
import { type Definition, DefinitionSchema, toJson } from "../core/definition.ts";
import { BatonError } from "../core/errors.ts";
import { buildGraph, type Graph } from "../core/graph.ts";
import { type JsonValue, JsonValueSchema } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import type { Ids } from "../ports/ids.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { DocumentKey, DocumentStore } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { LruMap } from "./lru-map.ts";
import { commitOwned } from "./owned-commit.ts";

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
    const graph = this.#build(definition);
    if (this.#graphs.get(graph.hash)) return graph;
    requireStorableEndings(graph);
    const mark = this.#store.mark();
    const stored = await this.#put(graph.hash, toJson(definition));
    const data = { nonce: this.#ids.unique(), ...stored };
    await commitOwned(this.#store, { kind: "create", key: keyOf(graph.hash), data });
    await this.#store.sync(mark);
    this.#graphs.set(graph.hash, graph);
    return graph;
  }

  /** Throws `DEFINITION_MISSING`. */
  async load(hash: string): Promise<Graph> {
    const known = this.#graphs.get(hash);
    if (known) return known;
    const { document } = await this.#store.get(keyOf(hash));
    if (!document) throw new BatonError("DEFINITION_MISSING", `Definition ${hash} is not stored`);
    const { definition, object } = StoredDefinitionSchema.parse(document.data);
    const json = object === undefined ? definition : await readJson(this.#objects, object);
    const graph = buildGraph(DefinitionSchema.parse(json), hash);
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

function requireStorableEndings({ definition, joinsOf }: Graph): void {
  for (const [taskId, joins] of joinsOf) {
    const counted = joins.filter(({ parents }) => parents.length > 1).length;
    if (counted > limits.joinsPerTask)
      throw new BatonError(
        "WORKFLOW_INVALID",
        `It is waited for together with ${counted} different sets of tasks; ${limits.joinsPerTask} are allowed`,
        { where: `workflow "${definition.workflowId}", task "${taskId}"` },
      );
  }
}

const bucket = "definitions";

const StoredDefinitionSchema = z.object({
  definition: JsonValueSchema.optional(),
  object: z.string().optional(),
});
type StoredDefinition = { readonly definition: JsonValue } | { readonly object: string };

async function readJson(objects: ObjectStore, object: string): Promise<JsonValue> {
  const content = await objects.read({ bucket, object });
  return JsonValueSchema.parse(JSON.parse(new TextDecoder().decode(content)));
}

function keyOf(hash: string): DocumentKey {
  return { collection: "definitions", id: hash };
}
