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
import type { ChildRule, Definition, TaskDefinition } from "./definition.ts";
import { END_TASK_ID, hashDefinition, inOneGo, ParentLists, tasksPerSlice } from "./definition.ts";

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
  return inOneGo(buildGraphInSlices(definition, hash, joinShardParents));
}

export function* buildGraphInSlices(
  definition: Definition,
  hash: string,
  joinShardParents: number = limits.joinShardParents,
): Generator<undefined, Graph> {
  const joins = yield* joinsInSlices(definition, joinShardParents);
  const joinsByParent = new Map<string, Join[]>(definition.tasks.map((task) => [task.id, []]));
  for (const join of joins) for (const parent of join.parents) joinsByParent.get(parent)?.push(join);
  yield;
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

function* joinsInSlices(definition: Definition, joinShardParents: number): Generator<undefined, Join[]> {
  const joins: Join[] = [];
  for (const { parents, children } of yield* groupsInSlices(definition)) {
    joins.push({
      id: hashJson(parents).slice(0, joinIdCharacters),
      parents,
      children,
      rules: [...new Set(children.map((child) => child.rule))],
      shards: splitIntoShards(parents, joinShardParents),
    });
    if (joins.length % tasksPerSlice === 0) yield;
  }
  return joins;
}

interface ParentGroup {
  readonly parents: readonly string[];
  readonly children: Child[];
}

/** All sets of parents, in order, each with its children. The end of the batch is one of the children. */
function* groupsInSlices(definition: Definition): Generator<undefined, ParentGroup[]> {
  const lists = new ParentLists();
  const byList: ParentGroup[] = [];
  const bySet = new Map<string, ParentGroup>();
  const add = (after: readonly string[], child: Child) => {
    const number = lists.add(after);
    byList[number] ??= groupOf(bySet, after);
    byList[number].children.push(child);
  };
  for (const [index, task] of definition.tasks.entries()) {
    if (task.after.length > 0) add(task.after, { taskId: task.id, rule: task.rule });
    if (index % tasksPerSlice === tasksPerSlice - 1) yield;
  }
  add(parentsOfEnd(definition), { taskId: END_TASK_ID, rule: "all_ended" });
  return [...bySet.values()];
}

/** The group of the parents, whatever their order. */
function groupOf(bySet: Map<string, ParentGroup>, after: readonly string[]): ParentGroup {
  const parents = [...after].sort();
  const key = parents.join(" ");
  const group = bySet.get(key) ?? { parents, children: [] };
  bySet.set(key, group);
  return group;
}

/**
 * The leaves, and the tasks whose children can all be decided by another parent alone. When these have ended, all tasks
 * have ended.
 */
function parentsOfEnd(definition: Definition): string[] {
  const lists = new ParentLists();
  for (const task of definition.tasks) if (waitsForAll(task)) lists.add(task.after);
  const awaited = new Set(lists.all.flat());
  return definition.tasks.filter((task) => !awaited.has(task.id)).map((task) => task.id);
}

function waitsForAll({ after, rule }: TaskDefinition): boolean {
  return after.length === 1 || (rule !== "any_succeeded" && rule !== "any_failed");
}

/** A task with too many join tokens for its TaskLog. */
export interface TaskOverJoinLimit {
  readonly taskId: string;
  readonly message: string;
}

/** The tasks that are parents in more than `limits.joinsPerTask` joins. `joins`: pass them if they are known. */
export function tasksOverJoinLimit(
  definition: Definition,
  joins?: Iterable<Pick<Join, "parents">>,
): TaskOverJoinLimit[] {
  // Every join has a child, so a smaller definition has not enough joins.
  if (definition.tasks.length < limits.joinsPerTask) return [];
  const counts = new Map<string, number>();
  for (const { parents } of joins ?? inOneGo(groupsInSlices(definition)))
    if (parents.length > 1) for (const parent of parents) counts.set(parent, (counts.get(parent) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > limits.joinsPerTask)
    .map(([taskId, count]) => ({
      taskId,
      message: `Tasks wait for it in ${count} different sets of parents; at most ${limits.joinsPerTask} are allowed`,
    }));
}

/** Decides about a child from the endings of its parents so far. */
export function decideFromEndings(join: Join, childId: string, endings: readonly Ending[]): ChildDecision {
  const child = join.children.find(({ taskId }) => taskId === childId);
  return child ? decideByRule(join, child.rule, endings) : { kind: "wait" };
}

function decideByRule(join: Join, rule: ChildRule, endings: readonly Ending[]): ChildDecision {
  const counts = countEndings(endings);
  const decisions = endings.map((ending) => decideChild(rule, join, ending, counts));
  return decisions.find(({ kind }) => kind !== "wait") ?? { kind: "wait" };
}

/**
 * The tasks whose ending a retry inherits: those that succeeded or were skipped for good, whose parents are all
 * inherited, and whose rule (which may have changed) decides the same after these parents. A child of a task that runs
 * again also runs again, because its input may change. `endingOf`: how the task ended, if a retry can keep that.
 */
export function inheritedTasks(graph: Graph, endingOf: (taskId: string) => Ending | undefined): string[] {
  const inherited = new Map<string, Ending>();
  const inherit = (taskId: string) => {
    const ending = endingOf(taskId);
    if (ending) inherited.set(taskId, ending);
  };
  graph.roots.forEach(inherit);
  for (const join of parentsFirst(graph)) {
    const parents = join.parents.flatMap((parent) => inherited.get(parent) ?? []);
    // mutation: inherited-task-has-inherited-parents
    if (parents.length < join.parents.length) continue;
    const decisions = new Map(join.rules.map((rule) => [rule, decideByRule(join, rule, parents)]));
    for (const { taskId, rule } of join.children) {
      // mutation: inherited-task-satisfies-its-rule
      const isKept = decidesAsBefore(decisions.get(rule), endingOf(taskId));
      if (isKept) inherit(taskId);
    }
  }
  return [...inherited.keys()];
}

/** A task that its rule skipped is skipped again for the same reason; every other one may run. */
function decidesAsBefore(decision: ChildDecision | undefined, ending: Ending | undefined): boolean {
  if (decision?.kind === "skip") return ending?.reason === decision.reason;
  return decision?.kind === "ready" && !ruleReasons.some((reason) => reason === ending?.reason);
}

const ruleReasons = ["upstream_skipped", "rule_not_met"] as const;

/** Whether a retry keeps this ending: a success, or a skip that the same input leads to again. */
export function isInheritable({ status, reason }: Ending): boolean {
  if (status === "SUCCESS") return true;
  const kept = ["condition_not_met", "skipped_by_task", ...ruleReasons];
  return status === "SKIPPED" && kept.some((each) => each === reason);
}

/** The joins in topological order. */
function parentsFirst(graph: Graph): Join[] {
  const ordered: Join[] = [];
  const missing = new Map(graph.joins.map((join) => [join, join.parents.length]));
  const visit = (taskId: string) => {
    for (const join of graph.joinsByParent.get(taskId) ?? []) {
      const left = (missing.get(join) ?? 0) - 1;
      missing.set(join, left);
      if (left === 0) ordered.push(join);
    }
  };
  graph.roots.forEach(visit);
  for (const join of ordered) for (const child of join.children) visit(child.taskId);
  return ordered;
}
