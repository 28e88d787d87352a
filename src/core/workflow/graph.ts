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
import { END_TASK_ID } from "../values/text.ts";
import { type ChildRule, type Definition, hashDefinition, type TaskDefinition } from "./definition.ts";

export interface Child {
  readonly taskId: string;
  readonly rule: ChildRule;
}

/** A distinct set of parents, and every child that has exactly that set. */
export interface Join extends JoinShape {
  readonly id: string;
  readonly children: readonly Child[];
  /** Sizes of the parts in which its parents are counted; undefined when they are few. */
  readonly shards: JoinShards | undefined;
}

/** A definition with its edges worked out. Built once per definition and process. */
export interface Graph {
  readonly hash: string;
  /** Parents of a join that are counted as one. */
  readonly joinShardParents: number;
  readonly definition: Definition;
  readonly tasks: ReadonlyMap<string, TaskDefinition>;
  readonly roots: readonly string[];
  /** The joins each task is a parent of. */
  readonly joinsByParent: ReadonlyMap<string, readonly Join[]>;
  readonly joins: readonly Join[];
  /** The join each task is a child of; roots have none. */
  readonly joinByChild: ReadonlyMap<string, Join>;
}

const joinIdCharacters = 16;

/**
 * Works out roots and joins. The end of the batch is a child, under the rule `all_ended`, of every task that no other
 * child waits for. A hash that is known need not be made again. Whoever counts the parents of a join has to know in
 * parts of how many they are counted: it is a matter of the batch, and not of the code.
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

/** Every distinct set of parents, in order, with those that wait for it; the end of the batch is one of them. */
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
  add(unawaited(definition), { taskId: END_TASK_ID, rule: "all_ended" });
  return [...groups.values()];
}

/**
 * Tasks for whose end no child waits in every case: leaves, and those all of whose children may be decided by another
 * parent alone. When these have ended, every task has.
 */
function unawaited(definition: Definition): string[] {
  const awaited = new Set(definition.tasks.filter(waitsForAll).flatMap((task) => task.after));
  return definition.tasks.filter((task) => !awaited.has(task.id)).map((task) => task.id);
}

function waitsForAll({ after, rule }: TaskDefinition): boolean {
  return after.length === 1 || rule === "all_succeeded" || rule === "all_ended";
}

/** A task whose ending would not fit into its record. */
export interface TaskOverJoinLimit {
  readonly taskId: string;
  readonly message: string;
}

/** The tasks that too many different sets of tasks are parents together with. */
export function tasksOverJoinLimit(definition: Definition): TaskOverJoinLimit[] {
  // Every set has a child of its own, but for that of the end.
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

/** What the endings of its parents, so far, say about a child. */
export function decideFromEndings(join: Join, childId: string, endings: readonly Ending[]): ChildDecision {
  const child = join.children.find(({ taskId }) => taskId === childId);
  const counts = countEndings(endings);
  const verdicts = child ? endings.map((ending) => decideChild(child.rule, join, ending, counts)) : [];
  return verdicts.find(({ kind }) => kind !== "wait") ?? { kind: "wait" };
}

/**
 * Tasks whose success a retry takes over: those that succeeded, whose parents are all taken over too, and that would
 * run after such parents: their rule may be another by now. A task below one that runs again runs again as well, for
 * its input may change.
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

/** The tasks of a graph, every one after its parents. */
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
