import type { FoldedGraph } from "./fold.ts";

/** Where a group is drawn: its layer from the left, and its centre from the top. */
interface Place {
  readonly layer: number;
  readonly y: number;
}

/** An edge, as the places that it passes. The inner ones are gaps that the layers between leave for it. */
interface Route {
  readonly from: number;
  readonly to: number;
  readonly bends: readonly Place[];
}

export interface Layout {
  readonly places: readonly Place[];
  readonly routes: readonly Route[];
  readonly layers: number;
  /** From the top of the first node to the bottom of the last one, in rows. */
  readonly rows: number;
}

/** A node of a layer: a group, or the bend of a long edge. */
interface Node {
  readonly layer: number;
  readonly above: Node[];
  readonly below: Node[];
  readonly isBend: boolean;
  order: number;
  y: number;
}

const sweeps = 8;
/** A graph with more bends is drawn without them. */
const mostBends = 3_000;
/** The height of a bend, where a node has 1. */
const bendRows = 0.4;

/**
 * Places a graph in layers by the longest path, orders each layer by the barycentres of its neighbours, and moves nodes
 * towards these. The same graph gets the same picture every time.
 */
export function layOut({ groups, parents }: FoldedGraph): Layout {
  const layerOf = longestPaths(parents);
  const nodes = groups.map((_, index) => newNode(layerOf[index] ?? 0, false));
  const layers: Node[][] = Array.from({ length: Math.max(0, ...layerOf) + 1 }, () => []);
  for (const node of nodes) layers[node.layer]?.push(node);
  const bends = longEdges(parents, layerOf) <= mostBends;
  const routes: { from: number; to: number; bends: Node[] }[] = [];
  for (const [to, above] of parents.entries())
    for (const from of above) routes.push({ from, to, bends: connect(nodes, layers, from, to, bends) });
  for (const layer of layers) number(layer);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (const layer of layers.slice(1)) order(layer, "above");
    for (const layer of layers.slice(0, -1).reverse()) order(layer, "below");
  }
  align(layers);
  return {
    places: nodes,
    routes,
    layers: layers.length,
    rows: settleTop(layers),
  };
}

function newNode(layer: number, isBend: boolean): Node {
  return { layer, above: [], below: [], isBend, order: 0, y: 0 };
}

function longestPaths(parents: readonly (readonly number[])[]): number[] {
  const layerOf: (number | undefined)[] = parents.map(() => undefined);
  // An own stack: a chain may be as long as a workflow.
  const stack = [...parents.keys()].reverse();
  while (stack.length > 0) {
    const node = stack.at(-1) ?? 0;
    const missing = (parents[node] ?? []).filter((parent) => layerOf[parent] === undefined);
    if (layerOf[node] === undefined && missing.length > 0) {
      stack.push(...missing);
      continue;
    }
    layerOf[node] ??= Math.max(-1, ...(parents[node] ?? []).map((parent) => layerOf[parent] ?? 0)) + 1;
    stack.pop();
  }
  return layerOf.map((layer) => layer ?? 0);
}

/** The number of bends that all edges need. */
function longEdges(parents: readonly (readonly number[])[], layerOf: readonly number[]): number {
  let bends = 0;
  for (const [child, above] of parents.entries())
    for (const parent of above) bends += (layerOf[child] ?? 0) - (layerOf[parent] ?? 0) - 1;
  return bends;
}

/** Joins two nodes by way of one bend for each layer between them. */
function connect(
  nodes: readonly Node[],
  layers: readonly Node[][],
  from: number,
  to: number,
  withBends: boolean,
): Node[] {
  const [start, end] = [nodes[from], nodes[to]];
  if (!start || !end) return [];
  const bends: Node[] = [];
  for (let layer = start.layer + 1; withBends && layer < end.layer; layer += 1) {
    const bend = newNode(layer, true);
    layers[layer]?.push(bend);
    bends.push(bend);
  }
  const path = [start, ...bends, end];
  for (const [index, node] of path.slice(1).entries()) {
    path[index]?.below.push(node);
    node.above.push(path[index] ?? start);
  }
  return bends;
}

function number(layer: readonly Node[]): void {
  for (const [index, node] of layer.entries()) node.order = index;
}

function order(layer: Node[], side: "above" | "below"): void {
  const centres = new Map(
    layer.map((node) => [node, mean(node[side].map((near) => near.order)) ?? node.order]),
  );
  layer.sort((one, other) => (centres.get(one) ?? 0) - (centres.get(other) ?? 0) || one.order - other.order);
  number(layer);
}

function align(layers: readonly (readonly Node[])[]): void {
  for (const layer of layers) stack(layer, (node) => node.order);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (const layer of layers) stack(layer, (node) => mean(node.above.map(({ y }) => y)) ?? node.y);
    for (const layer of layers.toReversed())
      stack(layer, (node) => mean(node.below.map(({ y }) => y)) ?? node.y);
  }
  for (const layer of layers)
    stack(layer, (node) => mean([...node.above, ...node.below].map(({ y }) => y)) ?? node.y);
}

/**
 * Puts the nodes of a layer as near as possible to where they should be, in their order and without overlaps: blocks of
 * touching nodes move together (the pool-adjacent-violators algorithm).
 */
function stack(layer: readonly Node[], wish: (node: Node) => number): void {
  const blocks: { size: number; wishes: number; nodes: Node[] }[] = [];
  for (const node of layer) {
    let block = { size: height(node), wishes: wish(node) - height(node) / 2, nodes: [node] };
    for (let last = blocks.at(-1); last && top(last) + last.size > top(block); last = blocks.at(-1)) {
      blocks.pop();
      block = {
        size: last.size + block.size,
        wishes: last.wishes + block.wishes - last.size * block.nodes.length,
        nodes: [...last.nodes, ...block.nodes],
      };
    }
    blocks.push(block);
  }
  for (const block of blocks) {
    let y = top(block);
    for (const node of block.nodes) {
      node.y = y + height(node) / 2;
      y += height(node);
    }
  }
}

function top({ wishes, nodes }: { readonly wishes: number; readonly nodes: readonly Node[] }): number {
  return wishes / nodes.length;
}

function height({ isBend }: Node): number {
  return isBend ? bendRows : 1;
}

function mean(numbers: readonly number[]): number | undefined {
  if (numbers.length === 0) return undefined;
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}

/** Moves everything so that the first node begins at 0. Returns the height. */
function settleTop(layers: readonly (readonly Node[])[]): number {
  const all = layers.flat();
  const first = Math.min(...all.map((node) => node.y - height(node) / 2));
  for (const node of all) node.y -= first;
  return Math.max(...all.map((node) => node.y + height(node) / 2));
}
