import { decisiveRun, type LineageRun } from "../../core/batch.ts";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { executionKey, fieldValues } from "../../core/idempotency-key.ts";
import { type Schedule, slotKey } from "../../core/schedule/schedule.ts";
import { hashJson, type JsonValue } from "../../core/values/json.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../../core/workflow/definition.ts";
import { assertStorable } from "../../engine/start/start-batch.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { oneLine } from "../output/text.ts";

/** An item of the source. `where` is its position, for people. */
export interface ReadItem {
  readonly where: string;
  readonly value: JsonValue;
  /** If set, the item's batch is that of this slot. */
  readonly slot?: ScheduleSlot;
}

interface ScheduleSlot {
  readonly schedule: Schedule;
  readonly instant: number;
}

export interface UnreadableItem {
  readonly where: string;
  readonly problem: string;
}

export interface ItemSource {
  /** All items. Each call starts again at the first. */
  read(): AsyncIterable<ReadItem | UnreadableItem>;
  close(): Promise<void>;
}

/** The start key of an item. Equal items have the same key, so they share one batch. */
export function backfillKey(item: JsonValue): string {
  return `backfill ${hashJson(item)}`;
}

/** The idempotency key of a task, computed before the item has a batch. */
export interface ItemKey {
  /** Null if the task has no key, or one that does not depend on the input alone. */
  readonly key: string | null;
  /** Whether the key has a success that has not expired. */
  readonly completed: boolean;
}

export type ItemDecision =
  | { readonly action: "run"; readonly reason: "new" }
  | { readonly action: "skip"; readonly reason: string }
  /** Its batch is running. */
  | { readonly action: "follow"; readonly batchId: string; readonly reason: string }
  /** Its batch failed or was cancelled. */
  | { readonly action: "retry"; readonly batchId: string; readonly reason: string };

/** Decides from the runs of the item's lineage. While one run is active, no other is retried. */
export function decideItem(runs: readonly LineageRun[], keys: readonly ItemKey[]): ItemDecision {
  const run = decisiveRun(runs);
  if (run) return decideRun(run);
  const [first] = keys;
  if (first && keys.every(({ key, completed }) => key !== null && completed))
    return { action: "skip", reason: `already_completed: ${first.key}` };
  return { action: "run", reason: "new" };
}

function decideRun({ batchId, status }: LineageRun): ItemDecision {
  switch (status) {
    case "SUCCESS":
      return { action: "skip", reason: `done: ${batchId}` };
    case "RUNNING":
      return { action: "follow", batchId, reason: `running: ${batchId}` };
    case "CANCELLED":
      return { action: "retry", batchId, reason: `cancelled: ${batchId}` };
    case "ERROR":
      return { action: "retry", batchId, reason: `failed: ${batchId}` };
  }
}

/** Whether the key of a task depends only on the input of its batch. */
export function hasKeyOfInput({ type, idempotency }: TaskDefinition): boolean {
  return type === FUNCTION_TASK_TYPE && idempotency?.scope === "global";
}

/** The key of a task in a batch with this input, or null if the input does not determine it. */
export function keyFromInput(
  workflowId: string,
  task: TaskDefinition,
  input: JsonValue,
  custom?: string,
): string | null {
  const { id: taskId, idempotency } = task;
  if (!idempotency || !hasKeyOfInput(task)) return null;
  // Neither the batch nor the time is part of such a key.
  const call = { workflowId, taskId, batchId: "", arguments: input, claimedAt: 0 };
  try {
    if (idempotency.key.by === "date" && !hasDate(call)) return null;
    return executionKey(idempotency, call, custom);
  } catch (error) {
    // The task reports it when it runs.
    if (error instanceof BatonError && error.code === "IDEMPOTENCY_KEY_INVALID") return null;
    throw error;
  }
}

/** Without a date in the input, the key is the day on which the task starts. */
function hasDate(call: { readonly arguments: JsonValue; readonly taskId: string }): boolean {
  return fieldValues(["date?"], call).every(([, value]) => value !== null);
}

const words = 4;
const hexCharactersPerWord = 8;
/** Above this load the search for a free slot gets slow. */
const maximumLoad = 0.6;

/** A set of hashes with 16 bytes each, so that many millions fit into memory. */
export class SeenHashes {
  #slots = 1024;
  #used = 0;
  #table = new Uint32Array(this.#slots * words);

  /** Adds a hexadecimal hash, of which the first 128 bits count. Returns whether it is new. */
  add(hash: string): boolean {
    if (this.#used >= this.#slots * maximumLoad) this.#grow();
    const isNew = this.#put(toWords(hash));
    if (isNew) this.#used += 1;
    return isNew;
  }

  #grow(): void {
    const before = this.#table;
    this.#slots *= 2;
    this.#table = new Uint32Array(this.#slots * words);
    for (let at = 0; at < before.length; at += words)
      if (before[at] !== 0) this.#put(before.subarray(at, at + words));
  }

  #put(hash: Uint32Array): boolean {
    for (let slot = (hash[1] ?? 0) % this.#slots; ; slot = (slot + 1) % this.#slots) {
      const entry = this.#table.subarray(slot * words, (slot + 1) * words);
      if (entry[0] === 0) {
        entry.set(hash);
        return true;
      }
      if (entry.every((word, index) => word === hash[index])) return false;
    }
  }
}

/** The first word is never 0, because 0 marks a free slot. */
function toWords(hash: string): Uint32Array {
  const parsed = Uint32Array.from({ length: words }, (_, index) =>
    Number.parseInt(hash.slice(index * hexCharactersPerWord, (index + 1) * hexCharactersPerWord), 16),
  );
  parsed[0] = (parsed[0] ?? 0) || 1;
  return parsed;
}

/** A valid item. */
export interface UsableItem extends ReadItem {
  /** The start key of its batch. */
  readonly key: string;
  /** The value after the workflow has parsed it. */
  readonly input: JsonValue;
}

/** The valid items without duplicates. */
export async function* usableItems(
  source: ItemSource,
  workflow: DeployedWorkflow,
  { onDuplicate, onInvalid }: { onDuplicate(): void; onInvalid(problem: UnreadableItem): void },
): AsyncGenerator<UsableItem> {
  const seen = new SeenHashes();
  for await (const candidate of source.read()) {
    const item = "problem" in candidate ? candidate : parseItem(workflow, candidate);
    if ("problem" in item) onInvalid(item);
    else if (!seen.add(hashJson(item.key))) onDuplicate();
    else yield item;
  }
}

function parseItem(workflow: DeployedWorkflow, read: ReadItem): UsableItem | UnreadableItem {
  try {
    // Values that JSON can't represent, such as 1e400, have no key.
    const key = read.slot ? slotKey(read.slot.schedule, read.slot.instant) : backfillKey(read.value);
    const input = workflow.parseInput(read.value);
    assertStorable(input, `workflow ${workflow.definition.workflowId}`);
    return { ...read, key, input };
  } catch (error) {
    return { where: read.where, problem: oneLine(errorMessage(error)) };
  }
}

/** The numbers of items in a source. */
export interface Inventory {
  /** Valid items without duplicates. */
  readonly items: number;
  readonly duplicates: number;
  readonly invalid: number;
  /** The first invalid items. */
  readonly problems: readonly UnreadableItem[];
}

const shownProblems = 20;

/** Reads all items before the first batch starts. */
export async function collectItems(source: ItemSource, workflow: DeployedWorkflow): Promise<Inventory> {
  const problems: UnreadableItem[] = [];
  let items = 0;
  let duplicates = 0;
  let invalid = 0;
  const usable = usableItems(source, workflow, {
    onDuplicate: () => {
      duplicates += 1;
    },
    onInvalid: (problem) => {
      invalid += 1;
      if (invalid <= shownProblems) problems.push(problem);
    },
  });
  for await (const _ of usable) items += 1;
  return { items, duplicates, invalid, problems };
}

/** Throws `ITEMS_INVALID` if there are invalid items. */
export function assertValid({ items, duplicates, invalid, problems }: Inventory): void {
  if (invalid === 0) return;
  const head = `${invalid} of ${items + duplicates + invalid} items are invalid, so nothing was started`;
  throw new BatonError("ITEMS_INVALID", [`${head}:`, ...problemLines(invalid, problems)].join("\n"));
}

/** The first problems, one line each, and the number of the others. */
export function problemLines(invalid: number, problems: readonly UnreadableItem[]): string[] {
  const lines = problems.map(({ where, problem }) => `${where}: ${problem}`);
  return invalid > problems.length ? [...lines, `and ${invalid - problems.length} more`] : lines;
}
