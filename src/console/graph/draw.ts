import type { DisplayStatus } from "../../core/records.ts";
import type { Html } from "../html.ts";
import { html, nothing } from "../html.ts";
import { statusBar, statusClass, statusWord } from "../marks.ts";
import type { FoldedGraph, Group } from "./fold.ts";
import { type Layout, layOut } from "./layers.ts";

const size = {
  height: 44,
  rowGap: 14,
  layerGap: 60,
  margin: 14,
  character: 7.7,
  small: 6.6,
  least: 140,
  most: 236,
  leastFolded: 206,
  inset: 44,
};

/** A graph with the places of its nodes, which depend on the definition alone. */
export interface DrawnGraph {
  readonly graph: FoldedGraph;
  readonly layout: Layout;
  /** The left edge of each layer, and the width of its nodes. */
  readonly columns: readonly { readonly x: number; readonly width: number }[];
  readonly width: number;
  readonly height: number;
  readonly edges: readonly { readonly from: number; readonly to: number; readonly path: string }[];
}

export function prepare(graph: FoldedGraph): DrawnGraph {
  const layout = layOut(graph);
  const widths = Array.from({ length: layout.layers }, () => size.least);
  for (const [index, group] of graph.groups.entries()) {
    const layer = layout.places[index]?.layer ?? 0;
    const isFolded = group.tasks.length > 1;
    const letters = nodeName(group).length + (isFolded ? 8 : 0);
    const wanted = Math.max(letters * size.character + size.inset, isFolded ? size.leastFolded : 0);
    widths[layer] = Math.min(size.most, Math.max(widths[layer] ?? 0, wanted));
  }
  let x: number = size.margin;
  const columns = widths.map((width) => {
    const column = { x, width };
    x += width + size.layerGap;
    return column;
  });
  const drawn = {
    graph,
    layout,
    columns,
    width: Math.ceil(x - size.layerGap + size.margin),
    height: Math.ceil(layout.rows * (size.height + size.rowGap) - size.rowGap + 2 * size.margin),
  };
  const edges = layout.routes.map(({ from, to, bends }) => ({
    from,
    to,
    path: edgePath(drawn, from, to, bends),
  }));
  return { ...drawn, edges };
}

type Measured = Omit<DrawnGraph, "edges">;

function pixelY(row: number): number {
  return size.margin + row * (size.height + size.rowGap) - size.rowGap / 2;
}

function edgePath(
  { layout, columns }: Measured,
  from: number,
  to: number,
  bends: readonly { readonly layer: number; readonly y: number }[],
): string {
  const [start, end] = [layout.places[from], layout.places[to]];
  if (!start || !end) return "";
  const column = (layer: number) => columns[layer] ?? { x: 0, width: 0 };
  let x = column(start.layer).x + column(start.layer).width;
  let y = pixelY(start.y);
  let path = `M${round(x)} ${round(y)}`;
  const curveTo = (toX: number, toY: number) => {
    const middle = (x + toX) / 2;
    path += `C${round(middle)} ${round(y)} ${round(middle)} ${round(toY)} ${round(toX)} ${round(toY)}`;
    x = toX;
    y = toY;
  };
  for (const bend of bends) {
    const { x: left, width } = column(bend.layer);
    curveTo(left, pixelY(bend.y));
    x = left + width;
    path += `H${round(x)}`;
  }
  curveTo(column(end.layer).x - 5, pixelY(end.y));
  return path;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

function nodeName({ id, tasks }: Group): string {
  return tasks.length === 1 ? id : commonPrefix(tasks.map((task) => task.id));
}

/** `extract-1`, `extract-2`, …: `extract-…` */
function commonPrefix(ids: readonly string[]): string {
  const [first = ""] = ids;
  let length = first.length;
  for (const id of ids) while (!id.startsWith(first.slice(0, length))) length -= 1;
  return length > 0 ? `${first.slice(0, length)}…` : `${first}, …`;
}

function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor((most - 1) / 3);
  return `${text.slice(0, most - 1 - end)}…${text.slice(text.length - end)}`;
}

/** What a node shows besides its name. */
export interface NodeState {
  readonly status: DisplayStatus;
  /** For siblings: how many have each status. */
  readonly counts: ReadonlyMap<DisplayStatus, number>;
  /** A short text below the name. */
  readonly detail: string;
  readonly href: string;
}

export interface DrawOptions {
  readonly stateOf: (group: Group) => NodeState;
  readonly chosen?: string | undefined;
  readonly label: string;
}

export function drawGraph(drawn: DrawnGraph, { stateOf, chosen, label }: DrawOptions): Html {
  const { graph, layout, columns, width, height } = drawn;
  const states = graph.groups.map(stateOf);
  const nodes = graph.groups.map((group, index) => {
    const place = layout.places[index];
    const column = columns[place?.layer ?? 0];
    const state = states[index];
    if (!place || !column || !state) return nothing;
    const isChosen = chosen !== undefined && graph.groupOf.get(chosen) === index;
    return drawNode(group, state, { x: column.x, y: pixelY(place.y), width: column.width, isChosen });
  });
  const lines = drawn.edges.map(({ from, to, path }) => {
    const isDone = states[from]?.status === "SUCCESS" && states[to]?.status !== "NEW";
    return html`<path${isDone ? html` class="done"` : nothing} d="${path}" id="e-${from}-${to}"/>`;
  });
  return html`<div class="graph" tabindex="0" role="group" aria-label="${label}"><svg width="${width}"
    height="${height}" viewBox="0 0 ${width} ${height}"><defs><marker id="tip" viewBox="0 0 6 6" refX="1" refY="3"
      markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 6 3 0 6Z"/></marker></defs><g class="edges">
        ${lines}</g>${nodes}</svg></div>`;
}

interface NodeBox {
  readonly x: number;
  /** The middle. */
  readonly y: number;
  readonly width: number;
  readonly isChosen: boolean;
}

function drawNode(group: Group, { status, counts, detail, href }: NodeState, box: NodeBox): Html {
  const { x, y, width, isChosen } = box;
  const top = y - size.height / 2;
  const isFolded = group.tasks.length > 1;
  const name = nodeName(group) + (isFolded ? ` × ${group.tasks.length.toLocaleString("en")}` : "");
  const shown = shorten(name, Math.floor((width - size.inset) / size.character));
  const small = shorten(detail, Math.floor((width - size.inset + 6) / size.small));
  const lines = isFolded
    ? { name: y - 5, detail: y + 8.5 }
    : { name: small === "" ? y + 4 : y - 2, detail: y + 14 };
  const rect = (name: string, by: number) =>
    html`<rect class="${name}" x="${x + by}" y="${top + by}" width="${width}" height="${size.height}" rx="8"/>`;
  const shares = html`<svg x="${x + 34}" y="${y + 13}" width="${width - 46}" height="4" viewBox="0 0 100 6"
    preserveAspectRatio="none">${statusBar(counts)}</svg>`;
  return html`<a id="n-${group.id}" class="node ${statusClass(status)}${isChosen ? " chosen" : ""}" href="${href}">
    <title>${name}: ${detail === "" ? statusWord(status) : detail}</title>
    ${isFolded && rect("back", 4)}${rect("box", 0)}
    <svg class="icon ${statusClass(status)}" x="${x + 10}" y="${y - 8}" width="16" height="16">
    <use href="#i-${status}"/></svg><text class="name" x="${x + 34}" y="${lines.name}">${shown}</text>
    <text class="detail" x="${x + 34}" y="${lines.detail}">${small}</text>${isFolded && shares}</a>`;
}
