import { createHash } from "node:crypto";
import * as z from "zod";
import { CallbackPolicySchema } from "../callback.ts";
import { IdempotencySchema } from "../idempotency-key.ts";
import { defaults, limits } from "../limits.ts";
import { type RetryPolicy, RetryPolicySchema } from "../retry.ts";
import { formatDuration } from "../values/duration.ts";
import { canonicalJson, type JsonObject, JsonObjectSchema, type JsonValue } from "../values/json.ts";
import { NameSchema } from "../values/text.ts";
import { ConditionSchema } from "./condition.ts";

/** Which endings of its parents let a child run. */
export const ChildRuleSchema = z.enum([
  "all_succeeded",
  "none_failed",
  "all_ended",
  "any_succeeded",
  "any_failed",
]);
export type ChildRule = z.infer<typeof ChildRuleSchema>;

const TaskDefinitionSchema = z.strictObject({
  id: NameSchema,
  /** A built-in task type, or `function` for the workflow's own code. */
  type: z.string(),
  with: JsonObjectSchema,
  after: z.array(NameSchema).readonly(),
  rule: ChildRuleSchema,
  /** Decides, once its parents have ended as the rule asks, whether it runs. */
  when: ConditionSchema.optional(),
  retry: RetryPolicySchema,
  timeoutSeconds: z.number().positive().max(limits.timeoutSeconds),
  queue: NameSchema,
  idempotency: IdempotencySchema.optional(),
  callback: CallbackPolicySchema.optional(),
});
export type TaskDefinition = z.infer<typeof TaskDefinitionSchema>;

/** A workflow as plain data, identified by the hash of its content. */
export const DefinitionSchema = z.strictObject({
  format: z.literal(1),
  workflowId: NameSchema,
  tasks: z.array(TaskDefinitionSchema).min(1).max(limits.tasksPerWorkflow),
});
export type Definition = z.infer<typeof DefinitionSchema>;

/** The virtual task at the end of a batch. No real task can have this name, because of the `$`. */
export const END_TASK_ID = "$end";

/** Type of a task that is code of its workflow, in contrast to the built-in types. */
export const FUNCTION_TASK_TYPE = "function";

/** The names of Baton's own task types, which no other type may have. */
export const builtInTypeNames = [
  "loadFile",
  "runQuery",
  "dataform",
  "powerBiRefresh",
  "renderReport",
  "archiveFile",
  "http",
] as const;

export function isBuiltIn(type: string): boolean {
  return builtInTypeNames.some((builtIn) => builtIn === type);
}

/** The queues of all tasks of these workflows. */
export function queueNames(workflows: readonly { readonly definition: Definition }[]): ReadonlySet<string> {
  return new Set(workflows.flatMap(({ definition }) => definition.tasks.map(({ queue }) => queue)));
}

/** Completes a task for the definition with the default policies. */
export function applyTaskDefaults(
  task: Pick<TaskDefinition, "id" | "type"> & {
    readonly [K in keyof Omit<TaskDefinition, "id" | "type" | "retry">]?: TaskDefinition[K] | undefined;
  } & { readonly retry?: Partial<RetryPolicy> | undefined },
): TaskDefinition {
  return {
    id: task.id,
    type: task.type,
    with: task.with ?? {},
    after: task.after ?? [],
    rule: task.rule ?? "all_succeeded",
    ...(task.when && { when: task.when }),
    retry: { ...defaults.retry, ...task.retry },
    timeoutSeconds: task.timeoutSeconds ?? defaults.timeoutSeconds,
    queue: task.queue ?? defaults.queue,
    ...(task.idempotency && { idempotency: task.idempotency }),
    ...(task.callback && { callback: task.callback }),
  };
}

/** The longest attempt inside a function: it must end and be stored before the function times out. */
export function longestAttemptSeconds(functionTimeoutSeconds: number): number {
  return functionTimeoutSeconds - limits.attemptMarginSeconds;
}

/** Warnings for tasks whose timeout is longer than an attempt can last on Google Cloud: each attempt may be cut off. */
export function timeoutsBeyondFunction(
  workflows: readonly { readonly definition: Definition }[],
  functionTimeoutSeconds: number,
): string[] {
  const attemptSeconds = longestAttemptSeconds(functionTimeoutSeconds);
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks
      .filter(({ timeoutSeconds }) => timeoutSeconds > attemptSeconds)
      .map(
        ({ id, timeoutSeconds }) =>
          `Task ${id} of ${workflowId} has a timeout of ` +
          `${formatDuration(timeoutSeconds * 1_000)}; on Google Cloud each attempt ` +
          `ends after ${formatDuration(attemptSeconds * 1_000)}, before the function does (BATON_FUNCTION_TIMEOUT). ` +
          "If it needs longer, split its work or let it wait with step.poll or an event",
      ),
  );
}

/**
 * The distinct lists of parents of a workflow, by their content. In wide layers thousands of tasks have equal lists:
 * what is done once a list instead of once a task costs a thousandth.
 */
export class ParentLists {
  readonly all: (readonly string[])[] = [];
  readonly #byIdentity = new Map<readonly string[], number>();
  /** Lists of the same length with the same ends. */
  readonly #alike = new Map<string, number[]>();

  /** The number of the list in `all`. Equal lists have the same number. */
  add(list: readonly string[]): number {
    const known = this.find(list);
    if (known !== undefined) return known;
    const number = this.all.push(list) - 1;
    this.#byIdentity.set(list, number);
    const alike = this.#alike.get(summaryOf(list));
    if (alike) alike.push(number);
    else this.#alike.set(summaryOf(list), [number]);
    return number;
  }

  find(list: readonly string[]): number | undefined {
    const same = this.#byIdentity.get(list);
    if (same !== undefined) return same;
    return this.#alike.get(summaryOf(list))?.find((number) => isEqual(this.all[number] ?? [], list));
  }

  /** The first list that was added with this content: equal lists become one array. */
  shared(list: readonly string[]): readonly string[] {
    return this.all[this.add(list)] ?? list;
  }
}

function summaryOf(list: readonly string[]): string {
  return `${list.length} ${list[0]} ${list.at(-1)}`;
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index]);
}

/** Runs long work to its end at once. Its `yield`s are places where a process could do other work. */
export function inOneGo<Result>(work: Generator<undefined, Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Work between two `yield`s, chosen so that it takes a few milliseconds at most. */
export const tasksPerSlice = 100;
const namesPerSlice = 100_000;

export function hashDefinition(definition: Definition): string {
  return inOneGo(hashInSlices(definition));
}

/**
 * SHA-256 of the definition's canonical JSON, with the parents of each task in full. The text is hashed part by part,
 * since 20,000 tasks of 1,000 parents each would be a text of 160 MB.
 */
export function* hashInSlices({ format, workflowId, tasks }: Definition): Generator<undefined, string> {
  const hash = createHash("sha256");
  const lists = new ParentLists();
  const texts: Buffer[] = [];
  let names = 0;
  hash.update(`{"format":${format},"tasks":[`);
  for (const [index, { after, ...others }] of tasks.entries()) {
    const number = lists.add(after);
    texts[number] ??= Buffer.from(canonicalJson([...after]));
    hash.update(index === 0 ? '{"after":' : ',{"after":');
    hash.update(texts[number]);
    // `after` comes first in canonical JSON, which sorts the keys.
    hash.update(`,${canonicalJson(asJson(others)).slice(1)}`);
    names += after.length;
    if (index % tasksPerSlice === tasksPerSlice - 1 || names > namesPerSlice) {
      names = 0;
      yield;
    }
  }
  hash.update(`],"workflowId":${canonicalJson(workflowId)}}`);
  return hash.digest("hex");
}

/** Leaves out absent policies. */
function asJson(task: Omit<TaskDefinition, "after">): JsonObject {
  const json: JsonObject = JSON.parse(JSON.stringify(task));
  return json;
}

/** The definition as it is stored: each list of parents once, and its number in the tasks. */
export function* definitionTextInSlices({ tasks, ...others }: Definition): Generator<undefined, string> {
  const lists = new ParentLists();
  const texts: string[] = [];
  for (const task of tasks) {
    texts.push(JSON.stringify({ ...task, after: lists.add(task.after) }));
    if (texts.length % tasksPerSlice === 0) yield;
  }
  const listTexts: string[] = [];
  let names = 0;
  for (const list of lists.all) {
    listTexts.push(JSON.stringify(list));
    names += list.length;
    if (listTexts.length % tasksPerSlice !== 0 && names <= namesPerSlice) continue;
    names = 0;
    yield;
  }
  const head = JSON.stringify(others).slice(0, -1);
  return `${head},"parentLists":[${listTexts.join(",")}],"tasks":[${texts.join(",")}]}`;
}

const StoredDefinitionSchema = z.strictObject({
  ...DefinitionSchema.shape,
  parentLists: z.array(z.array(NameSchema)).default([]),
  tasks: z.array(z.unknown()).min(1).max(limits.tasksPerWorkflow),
});

/** Versions before 0.2 stored the list of parents with each task. */
const StoredTaskSchema = z.strictObject({
  ...TaskDefinitionSchema.shape,
  after: z.union([z.int().nonnegative(), z.array(NameSchema)]),
});

/** Parses what this or an earlier version has stored. Tasks with equal parents share one array. */
export function* parseDefinitionInSlices(stored: JsonValue): Generator<undefined, Definition> {
  const { parentLists, tasks: written, ...others } = StoredDefinitionSchema.parse(stored);
  const lists = new ParentLists();
  const numbers = parentLists.map((list) => lists.add(list));
  const tasks: TaskDefinition[] = [];
  for (const task of written) {
    const { after, ...policies } = StoredTaskSchema.parse(task);
    const list = typeof after === "number" ? lists.all[numbers[after] ?? -1] : lists.shared(after);
    if (!list) throw new TypeError(`The stored definition of ${others.workflowId} has no list ${after}`);
    tasks.push({ ...policies, after: list });
    if (tasks.length % tasksPerSlice === 0) yield;
  }
  return { ...others, tasks };
}
