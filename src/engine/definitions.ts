import { type Definition, DefinitionSchema, toJson } from "../core/definition.ts";
import { BatonError } from "../core/errors.ts";
import { buildGraph, type Graph } from "../core/graph.ts";
import { limits } from "../core/limits.ts";
import type { Ids } from "../ports/ids.ts";
import type { DocumentKey, DocumentStore } from "../ports/store.ts";
import { LruMap } from "./lru-map.ts";
import { commitOwned } from "./owned-commit.ts";

/** Definitions by the hash of their content. They never change, so a process reads each one once. */
export class Definitions {
  readonly #store: DocumentStore;
  readonly #ids: Ids;
  readonly #graphs = new LruMap<string, Graph>(limits.cachedBatches);
  /** Graphs of deployed definitions, by identity, so that a start does not hash the definition again. */
  readonly #built = new WeakMap<Definition, Graph>();

  constructor(store: DocumentStore, ids: Ids) {
    this.#store = store;
    this.#ids = ids;
  }

  /** Keeps the definition, so that batches can be pinned to it. */
  async save(definition: Definition): Promise<Graph> {
    const graph = this.#build(definition);
    if (this.#graphs.get(graph.hash)) return graph;
    const mark = this.#store.mark();
    const data = { nonce: this.#ids.unique(), definition: toJson(definition) };
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
    const graph = buildGraph(DefinitionSchema.parse(document.data.definition), hash);
    this.#graphs.set(hash, graph);
    return graph;
  }

  #build(definition: Definition): Graph {
    const built = this.#built.get(definition) ?? buildGraph(definition);
    this.#built.set(definition, built);
    return built;
  }
}

function keyOf(hash: string): DocumentKey {
  return { collection: "definitions", id: hash };
}
