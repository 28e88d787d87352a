import {
  type ChildDecision,
  countEndings,
  decideChild,
  type Ending,
  type JoinShape,
  type JoinShards,
  splitIntoShards,
} from "../joins.ts";
import { limits } from "../limits.ts";
import { hashJson } from "../values/json.ts";
import { END_TASK_ID } from "../workflow/definition.ts";
import { type ChildRule, type Definition, hashDefinition, type TaskDefinition } from "./definition.ts";

export interface Child {
  readonly taskId: string;
  readonly rule: ChildRule;
}

/** A set of parents with all children that have exactly these parents. */
export interface Join extends JoinShape {
  readonly id: string;
  readonly children: readonly Child[];
  /** The shards in which its parents are counted. Undefined if one shard holds all. */
  readonly shards: JoinShards | undefined;
}

/** A definition with its joins. Each process builds it once a definition. */
export interface Graph {
  readonly hash: string;
  /** Parents of a join in one shard. */
  readonly joinShardParents: number;
  readonly definition: Definition;
  readonly tasks: ReadonlyMap<string, TaskDefinition>;
  readonly roots: readonly string[];
  /** The joins each task is a parent of. */
  readonly joinsByParent: ReadonlyMap<string, readonly Join[]>;
  readonly joins: readonly Join[];
  /** The join of which each task is a child. Roots have none. */
  readonly joinByChild: ReadonlyMap<string, Join>;
}

const joinIdCharacters = 16;

/**
 * Computes roots and joins. The end of the batch is a virtual child with the rule `all_ended`: its parents are the
 * tasks for which no other child always waits. `hash`: pass it if it is known already. `joinShardParents` belongs to
 * the batch, so that a release with another shard size counts old batches correctly.
 */
export function buildGraph(
  definition: Definition,
  hash = hashDefinition(definition),
  joinShardParents: number = limits.joinShardParents,
): Graph {
  const joins = buildJoins(definition, joinShardParents);
  const joinsByParent = new Map<string, Join[]>(definition.tasks.map((task) => [task.id, []]));
  for (const join of joins) for (const parent of join.parents) joinsByParent.get(parent)?.push(join);
  return {
    hash,
    joinShardParents,
    definition,
    tasks: new Map(definition.tasks.map((task) => [task.id, task])),
    roots: definition.tasks.filter((task) => task.after.length === 0).map((task) => task.id),
    joinsByParent,
    joins,
    joinByChild: new Map(
      joins.flatMap((join) => join.children.map((child) => [child.taskId, join] as const)),
    ),
  };
}

function buildJoins(definition: Definition, joinShardParents: number): Join[] {
  return groupByParents(definition).map(({ parents, children }) => ({
    id: hashJson(parents).slice(0, joinIdCharacters),
    parents,
    children,
    rules: [...new Set(children.map((child) => child.rule))],
    shards: splitIntoShards(parents, joinShardParents),
  }));
}

interface ParentGroup {
  readonly parents: readonly string[];
  readonly children: Child[];
}

/** All sets of parents, in order, each with its children. The end of the batch is one of the children. */
function groupByParents(definition: Definition): ParentGroup[] {
  const groups = new Map<string, ParentGroup>();
  const add = (after: readonly string[], child: Child) => {
    const parents = [...after].sort();
    const key = parents.join(" ");
    const group = groups.get(key);
    if (group) group.children.push(child);
    else groups.set(key, { parents, children: [child] });
  };
  for (const task of definition.tasks)
    if (task.after.length > 0) add(task.after, { taskId: task.id, rule: task.rule });
  add(parentsOfEnd(definition), { taskId: END_TASK_ID, rule: "all_ended" });
  return [...groups.values()];
}

/**
 * The leaves, and the tasks whose children can all be decided by another parent alone. When these have ended, all tasks
 * have ended.
 */
function parentsOfEnd(definition: Definition): string[] {
  const awaited = new Set(definition.tasks.filter(waitsForAll).flatMap((task) => task.after));
  return definition.tasks.filter((task) => !awaited.has(task.id)).map((task) => task.id);
}

function waitsForAll({ after, rule }: TaskDefinition): boolean {
  return after.length === 1 || rule === "all_succeeded" || rule === "all_ended";
}

/** A task with too many join tokens for its TaskLog. */
export interface TaskOverJoinLimit {
  readonly taskId: string;
  readonly message: string;
}

/** The tasks that are parents in more than `limits.joinsPerTask` joins. */
export function tasksOverJoinLimit(definition: Definition): TaskOverJoinLimit[] {
  // Every join has a child, so a smaller definition has not enough joins.
  if (definition.tasks.length < limits.joinsPerTask) return [];
  const counts = new Map<string, number>();
  for (const { parents } of groupByParents(definition))
    if (parents.length > 1) for (const parent of parents) counts.set(parent, (counts.get(parent) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > limits.joinsPerTask)
    .map(([taskId, count]) => ({
      taskId,
      message: `Tasks wait for it in ${count} different sets of parents; ${limits.joinsPerTask} are allowed`,
    }));
}

/** Decides about a child from the endings of its parents so far. */
export function decideFromEndings(join: Join, childId: string, endings: readonly Ending[]): ChildDecision {
  const child = join.children.find(({ taskId }) => taskId === childId);
  const counts = countEndings(endings);
  const decisions = child ? endings.map((ending) => decideChild(child.rule, join, ending, counts)) : [];
  return decisions.find(({ kind }) => kind !== "wait") ?? { kind: "wait" };
}

/**
 * The tasks whose success a retry inherits: those that succeeded, whose parents are all inherited, and whose rule
 * (which may have changed) lets them run after these parents. A child of a task that runs again also runs again,
 * because its input may change.
 */
export function inheritedTasks(graph: Graph, succeeded: (taskId: string) => boolean): string[] {
  const inherited = new Set<string>();
  for (const task of parentsFirst(graph))
    if (
      succeeded(task.id) &&
      // mutation: inherited-task-has-inherited-parents
      task.after.every((parent) => inherited.has(parent)) &&
      // mutation: inherited-task-satisfies-its-rule
      runsAfterSuccesses(graph, task)
    )
      inherited.add(task.id);
  return [...inherited];
}

function runsAfterSuccesses(graph: Graph, { id, after }: TaskDefinition): boolean {
  const join = graph.joinByChild.get(id);
  const endings = after.map((): Ending => ({ status: "SUCCESS", reason: null }));
  return !join || decideFromEndings(join, id, endings).kind === "ready";
}

/** The tasks in topological order. */
function parentsFirst(graph: Graph) {
  const missing = new Map(graph.definition.tasks.map((task) => [task.id, new Set(task.after).size]));
  const ordered = graph.definition.tasks.filter((task) => missing.get(task.id) === 0);
  for (const task of ordered)
    for (const child of childrenOf(graph, task.id)) {
      const left = (missing.get(child) ?? 0) - 1;
      missing.set(child, left);
      const definition = graph.tasks.get(child);
      if (left === 0 && definition) ordered.push(definition);
    }
  return ordered;
}

function childrenOf(graph: Graph, taskId: string): string[] {
  return (graph.joinsByParent.get(taskId) ?? []).flatMap((join) =>
    join.children.map((child) => child.taskId),
  );
}
