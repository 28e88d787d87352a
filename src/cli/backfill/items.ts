import { decisiveRun, type LineageRun } from "../../core/batch.ts";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { executionKey, fieldValues } from "../../core/idempotency.ts";
import { type Schedule, slotKey } from "../../core/schedule/schedule.ts";
import { hashJson, type JsonValue } from "../../core/values/json.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../../core/workflow/definition.ts";
import { requireStorable } from "../../engine/start/start-batch.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { oneLine } from "../output/text.ts";

/** One item as it was read, with the place it has, for people. */
export interface ReadItem {
  readonly where: string;
  readonly value: JsonValue;
  /** The slot of a schedule that it is of: its batch is that of the slot. */
  readonly slot?: ScheduleSlot;
}

interface ScheduleSlot {
  readonly schedule: Schedule;
  readonly instant: number;
}

/** Something that should be an item and can't be read. */
export interface UnreadableItem {
  readonly where: string;
  readonly problem: string;
}

/** Where items come from. */
export interface ItemSource {
  /** All items, from the first; each call begins anew. */
  read(): AsyncIterable<ReadItem | UnreadableItem>;
  close(): Promise<void>;
}

/** The key of the batch of an item: the same item, wherever and however often it stands, is one batch. */
export function backfillKey(item: JsonValue): string {
  return `backfill ${hashJson(item)}`;
}

/** What is known of one task's idempotency key before the item has a batch. */
export interface ItemKey {
  /** Null when the input alone doesn't tell it, or there is none. */
  readonly key: string | null;
  /** Whether the key has a success that still counts. */
  readonly completed: boolean;
}

export type ItemDecision =
  | { readonly action: "run"; readonly reason: "new" }
  | { readonly action: "skip"; readonly reason: string }
  /** Its batch is under way already. */
  | { readonly action: "follow"; readonly batchId: string; readonly reason: string }
  /** A batch that ended badly, to be retried. */
  | { readonly action: "retry"; readonly batchId: string; readonly reason: string };

/** What is to be done about an item, by the runs of its lineage; no run is retried beside one that is under way. */
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

/** Whether a task has a key that depends on nothing but the input of its batch, unless that lacks what the key is made of. */
export function hasKeyOfInput({ type, idempotency }: TaskDefinition): boolean {
  return type === FUNCTION_TASK_TYPE && idempotency?.scope === "global";
}

/** The key that a task would have in a batch of this input; null when the input doesn't tell it. */
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
    // The task itself will say so.
    if (error instanceof BatonError && error.code === "IDEMPOTENCY_KEY_INVALID") return null;
    throw error;
  }
}

/** Without a date the key is the day on which the task begins. */
function hasDate(call: { readonly arguments: JsonValue; readonly taskId: string }): boolean {
  return fieldValues(["date?"], call).every(([, value]) => value !== null);
}

const words = 4;
const hexCharactersPerWord = 8;
/** Above this share of used places, finding a free one takes long. */
const mostUsed = 0.6;

/** Which hashes have been seen: sixteen bytes for each, so that many millions fit. */
export class SeenHashes {
  #places = 1024;
  #used = 0;
  #table = new Uint32Array(this.#places * words);

  /** Whether the hash, in hexadecimal, is new; from now on it is not. Its first 128 bits count. */
  add(hash: string): boolean {
    if (this.#used >= this.#places * mostUsed) this.#grow();
    const isNew = this.#put(wordsOf(hash));
    if (isNew) this.#used += 1;
    return isNew;
  }

  #grow(): void {
    const before = this.#table;
    this.#places *= 2;
    this.#table = new Uint32Array(this.#places * words);
    for (let at = 0; at < before.length; at += words)
      if (before[at] !== 0) this.#put(before.subarray(at, at + words));
  }

  #put(hash: Uint32Array): boolean {
    for (let place = (hash[1] ?? 0) % this.#places; ; place = (place + 1) % this.#places) {
      const found = this.#table.subarray(place * words, (place + 1) * words);
      if (found[0] === 0) {
        found.set(hash);
        return true;
      }
      if (found.every((word, index) => word === hash[index])) return false;
    }
  }
}

/** The first word is never 0, which stands for a free place. */
function wordsOf(hash: string): Uint32Array {
  const parsed = Uint32Array.from({ length: words }, (_, index) =>
    Number.parseInt(hash.slice(index * hexCharactersPerWord, (index + 1) * hexCharactersPerWord), 16),
  );
  parsed[0] = (parsed[0] ?? 0) || 1;
  return parsed;
}

/** An item that a batch can be started with. */
export interface UsableItem extends ReadItem {
  /** The key of its batch. */
  readonly key: string;
  /** As the workflow reads it. */
  readonly input: JsonValue;
}

/** Every different item that can be used, once. */
export async function* usableItems(
  source: ItemSource,
  workflow: DeployedWorkflow,
  { onDuplicate, onInvalid }: { onDuplicate(): void; onInvalid(problem: UnreadableItem): void },
): AsyncGenerator<UsableItem> {
  const seen = new SeenHashes();
  for await (const read of source.read()) {
    const item = "problem" in read ? read : prepare(workflow, read);
    if ("problem" in item) onInvalid(item);
    else if (!seen.add(hashJson(item.key))) onDuplicate();
    else yield item;
  }
}

function prepare(workflow: DeployedWorkflow, read: ReadItem): UsableItem | UnreadableItem {
  try {
    // Numbers and texts that JSON can write but not hold, such as 1e400, have no key.
    const key = read.slot ? slotKey(read.slot.schedule, read.slot.instant) : backfillKey(read.value);
    const input = workflow.parseInput(read.value);
    requireStorable(input, `workflow ${workflow.definition.workflowId}`);
    return { ...read, key, input };
  } catch (error) {
    return { where: read.where, problem: oneLine(errorMessage(error)) };
  }
}

/** What a source holds. */
export interface Inventory {
  /** Different items that can be used. */
  readonly items: number;
  /** Items duplicate. */
  readonly duplicates: number;
  readonly invalid: number;
  /** The first that can't be used. */
  readonly problems: readonly UnreadableItem[];
}

const shownProblems = 20;

/** Reads through all items before anything is started. */
export async function collectItems(source: ItemSource, workflow: DeployedWorkflow): Promise<Inventory> {
  const problems: UnreadableItem[] = [];
  let items = 0;
  let duplicates = 0;
  let invalid = 0;
  const found = usableItems(source, workflow, {
    onDuplicate: () => {
      duplicates += 1;
    },
    onInvalid: (problem) => {
      invalid += 1;
      if (invalid <= shownProblems) problems.push(problem);
    },
  });
  for await (const _ of found) items += 1;
  return { items, duplicates, invalid, problems };
}

/** Throws `ITEMS_INVALID` when there is something that can't be used. */
export function requireValid({ items, duplicates, invalid, problems }: Inventory): void {
  if (invalid === 0) return;
  const head = `${invalid} of ${items + duplicates + invalid} items are invalid, so nothing was started`;
  throw new BatonError("ITEMS_INVALID", [`${head}:`, ...problemLines(invalid, problems)].join("\n"));
}

/** The first problems, one line each, and how many more there are. */
export function problemLines(invalid: number, problems: readonly UnreadableItem[]): string[] {
  const lines = problems.map(({ where, problem }) => `${where}: ${problem}`);
  return invalid > problems.length ? [...lines, `and ${invalid - problems.length} more`] : lines;
}
