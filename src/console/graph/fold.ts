import { type Definition, ParentLists, type TaskDefinition } from "../../core/workflow/definition.ts";

/** Tasks that are drawn as one node: one task, or siblings with the same parents, children and type. */
export interface Group {
  /** The first of its tasks. */
  readonly id: string;
  readonly tasks: readonly TaskDefinition[];
}

/** The groups of a definition and the edges between them, by their positions. */
export interface FoldedGraph {
  readonly groups: readonly Group[];
  readonly parents: readonly (readonly number[])[];
  readonly children: readonly (readonly number[])[];
  readonly groupOf: ReadonlyMap<string, number>;
}

/** Fewer siblings are drawn one by one. */
const fewestFolded = 5;

/**
 * Folds the definition. What tasks have in common is found by their distinct lists of parents: a layer of thousands of
 * tasks has one list, whatever the number of its edges.
 */
export function foldGraph({ tasks }: Definition): FoldedGraph {
  const lists = new ParentLists();
  const listOf = tasks.map(({ after }) => lists.add(after));
  const childLists = new Map<string, number[]>();
  for (const [number, list] of lists.all.entries())
    for (const parent of list) {
      const numbers = childLists.get(parent);
      if (numbers) numbers.push(number);
      else childLists.set(parent, [number]);
    }
  const alike = Map.groupBy(tasks.keys(), (index) => {
    const task = tasks[index];
    return `${listOf[index]} ${task?.type} ${task?.rule} ${childLists.get(task?.id ?? "")?.join(",") ?? ""}`;
  });
  const groups: Group[] = [];
  const groupOf = new Map<string, number>();
  const add = (members: readonly TaskDefinition[]) => {
    for (const { id } of members) groupOf.set(id, groups.length);
    groups.push({ id: members[0]?.id ?? "", tasks: members });
  };
  for (const indices of alike.values()) {
    const members = indices.flatMap((index) => tasks[index] ?? []);
    if (members.length >= fewestFolded) add(members);
    else for (const member of members) add([member]);
  }
  return { groups, groupOf, ...edges(groups, groupOf, lists) };
}

function edges(
  groups: readonly Group[],
  groupOf: ReadonlyMap<string, number>,
  lists: ParentLists,
): Pick<FoldedGraph, "parents" | "children"> {
  const parentGroups = lists.all.map((list) => [
    ...new Set(list.flatMap((parent) => groupOf.get(parent) ?? [])),
  ]);
  const parents = groups.map(({ tasks: [task] }) => parentGroups[lists.find(task?.after ?? []) ?? -1] ?? []);
  const children: number[][] = groups.map(() => []);
  for (const [child, above] of parents.entries()) for (const parent of above) children[parent]?.push(child);
  return { parents, children };
}

/** The part of the graph that is within some levels of a group, nearest first, at most `most` groups. */
export function around(graph: FoldedGraph, centre: number, levels: number, most: number): FoldedGraph {
  const distances = new Map([[centre, 0]]);
  for (const [group, distance] of distances) {
    if (distance === levels) continue;
    for (const next of [...(graph.parents[group] ?? []), ...(graph.children[group] ?? [])])
      if (!distances.has(next) && distances.size < most) distances.set(next, distance + 1);
  }
  const kept = [...distances.keys()].sort((one, other) => one - other);
  const renumbered = new Map(kept.map((group, index) => [group, index]));
  const within = (neighbours: readonly (readonly number[])[]) =>
    kept.map((group) => (neighbours[group] ?? []).flatMap((each) => renumbered.get(each) ?? []));
  return {
    groups: kept.flatMap((group) => graph.groups[group] ?? []),
    groupOf: new Map(
      kept.flatMap((group, index) =>
        (graph.groups[group]?.tasks ?? []).map(({ id }) => [id, index] as const),
      ),
    ),
    parents: within(graph.parents),
    children: within(graph.children),
  };
}
