import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { ownBuckets } from "../../core/records.ts";
import { type JsonValue, StoredJsonSchema } from "../../core/values/json.ts";
import { RecentMap } from "../../core/values/recent-map.ts";
import type { Definition } from "../../core/workflow/definition.ts";
import {
  definitionTextInSlices,
  hashInSlices,
  parseDefinitionInSlices,
} from "../../core/workflow/definition.ts";
import { buildGraphInSlices, type Graph, tasksOverJoinLimit } from "../../core/workflow/graph.ts";
import type { Clock } from "../../ports/machine.ts";
import type { DocumentKey, Snapshot } from "../../ports/store.ts";
import type { Ports } from "../dependencies.ts";
import { commitIdempotent, durably } from "./commit.ts";

type DefinitionPorts = Ports<"store" | "objects" | "ids" | "clock">;

/** Definitions by the hash of their content. They never change, so a process reads each one once. */
export class Definitions {
  readonly #ports: DefinitionPorts;
  readonly #graphs = new RecentMap<string, Graph>(limits.cachedBatches);
  /** Graphs of deployed definitions, by identity, so that a start does not hash the definition again. */
  readonly #built = new WeakMap<Definition, Graph>();

  constructor(ports: DefinitionPorts) {
    this.#ports = ports;
  }

  /** Stores the definition, so that batches can be pinned to it. Throws `WORKFLOW_INVALID`. */
  async save(definition: Definition): Promise<Graph> {
    const { store, ids, clock } = this.#ports;
    const built = await this.#build(definition);
    const known = this.#graphs.get(built.hash);
    if (known) return known;
    assertJoinsFit(built);
    const stored = await this.#put(built.hash, definition);
    const data = { nonce: ids.unique(), joinShardParents: built.joinShardParents, ...stored };
    const kept = await durably(store, () =>
      commitIdempotent(store, { kind: "create", key: definitionKey(built.hash), data }),
    );
    const graph = kept.kind === "won" ? built : await asPinned(clock, built, kept.current);
    this.#graphs.set(graph.hash, graph);
    return graph;
  }

  /** Throws `DEFINITION_MISSING`. */
  async load(hash: string): Promise<Graph> {
    const known = this.#graphs.get(hash);
    if (known) return known;
    const { store, clock } = this.#ports;
    const { document } = await store.get(definitionKey(hash));
    if (!document) throw new BatonError("DEFINITION_MISSING", `Definition ${hash} is not stored`);
    const { definition, object, joinShardParents } = StoredDefinitionSchema.parse(document.data);
    const json = object === undefined ? (definition ?? null) : await this.#readObject(object);
    const parsed = await inSlices(clock, parseDefinitionInSlices(json));
    const graph = await inSlices(clock, buildGraphInSlices(parsed, hash, joinShardParents));
    this.#graphs.set(hash, graph);
    return graph;
  }

  /**
   * A definition of thousands of tasks does not fit into a document. The object is named by the hash: a repeated write
   * changes nothing.
   */
  async #put(hash: string, definition: Definition): Promise<StoredDefinition> {
    const { clock, objects } = this.#ports;
    const content = Buffer.from(await inSlices(clock, definitionTextInSlices(definition)));
    if (content.byteLength <= limits.inlineDefinitionBytes)
      return { definition: JSON.parse(content.toString()) };
    const object = `${hash}.json`;
    await objects.write({ bucket, object }, content, "application/json");
    return { object };
  }

  async #readObject(object: string): Promise<JsonValue> {
    const content = await this.#ports.objects.read({ bucket, object });
    return JSON.parse(new TextDecoder().decode(content));
  }

  async #build(definition: Definition): Promise<Graph> {
    const known = this.#built.get(definition);
    if (known) return known;
    const { clock } = this.#ports;
    const hash = await inSlices(clock, hashInSlices(definition));
    const graph = await inSlices(clock, buildGraphInSlices(definition, hash));
    // Another start may have built it meanwhile.
    const built = this.#built.get(definition) ?? graph;
    this.#built.set(definition, built);
    return built;
  }
}

function assertJoinsFit({ definition, joins }: Graph): void {
  const [crowded] = tasksOverJoinLimit(definition, joins);
  if (!crowded) return;
  const where = `workflow "${definition.workflowId}", task "${crowded.taskId}"`;
  throw new BatonError("WORKFLOW_INVALID", crowded.message, { where });
}

/** Batches of this definition may have started under a release that counted joins in shards of another size. */
async function asPinned(clock: Clock, built: Graph, { document }: Snapshot): Promise<Graph> {
  const { joinShardParents } = StoredDefinitionSchema.parse(document?.data);
  if (joinShardParents === built.joinShardParents) return built;
  return inSlices(clock, buildGraphInSlices(built.definition, built.hash, joinShardParents));
}

const bucket = ownBuckets.definitions;

/** For definitions that were stored without the size. Unlike the limit, it never changes. */
const joinShardParentsBefore = 1_000;

const StoredDefinitionSchema = z.object({
  definition: StoredJsonSchema.optional(),
  object: z.string().optional(),
  joinShardParents: z.int().positive().default(joinShardParentsBefore),
});

type StoredDefinition = { readonly definition: JsonValue } | { readonly object: string };

/** Longest work in one turn of the event loop; heartbeats and other messages wait for its end. */
const sliceMs = 10;

/** Runs long work to its end, and lets the event loop turn between its slices. */
async function inSlices<Result>(clock: Clock, work: Generator<undefined, Result>): Promise<Result> {
  let started = clock.now();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (clock.now() - started < sliceMs) continue;
    await new Promise<void>((resolve) => void clock.after(0, resolve));
    started = clock.now();
  }
}

function definitionKey(hash: string): DocumentKey {
  return { collection: "definitions", id: hash };
}
