import type { Definition, TaskDefinition } from "./definition.ts";

interface Edge {
  readonly from: string;
  readonly to: string;
  /** The child's rule, unless it is the usual one. */
  readonly label: string | undefined;
}

/** The workflow as a Mermaid flowchart, for READMEs and issues. */
export function toMermaid(definition: Definition): string {
  // Names of our own: `end`, `default` and others mean something to Mermaid.
  const nodes = new Map(definition.tasks.map((task, index) => [task.id, `t${index}`]));
  const lines = definition.tasks.map((task) => `  ${nodes.get(task.id)}["${mermaidText(labelOf(task))}"]`);
  for (const { from, to, label } of edgesOf(definition)) {
    const arrow = label === undefined ? "-->" : `-->|"${mermaidText(label)}"|`;
    lines.push(`  ${nodes.get(from)} ${arrow} ${nodes.get(to)}`);
  }
  return `${["flowchart LR", ...lines].join("\n")}\n`;
}

/** The workflow in the DOT language of Graphviz. */
export function toDot(definition: Definition): string {
  const lines = definition.tasks.map(
    (task) => `  ${dotString(task.id)} [label=${dotString(labelOf(task))}];`,
  );
  for (const { from, to, label } of edgesOf(definition)) {
    const attributes = label === undefined ? "" : ` [label=${dotString(label)}]`;
    lines.push(`  ${dotString(from)} -> ${dotString(to)}${attributes};`);
  }
  const head = [`digraph ${dotString(definition.workflowId)} {`, "  rankdir=LR;", "  node [shape=box];"];
  return `${[...head, ...lines, "}"].join("\n")}\n`;
}

function edgesOf(definition: Definition): Edge[] {
  const known = new Set(definition.tasks.map((task) => task.id));
  return definition.tasks.flatMap((task) =>
    task.after
      .filter((parent) => known.has(parent))
      .map((from) => ({
        from,
        to: task.id,
        label: task.rule === "all_succeeded" ? undefined : task.rule,
      })),
  );
}

function labelOf(task: TaskDefinition): string {
  return `${task.id}\n${task.type}`;
}

/** Mermaid has no escape but entities; everything that may mean something in a label becomes one. */
function mermaidText(text: string): string {
  return text
    .replace(/[^\p{L}\p{N} _.\n-]/gu, (character) => `#${character.codePointAt(0)};`)
    .replaceAll("\n", "<br>");
}

function dotString(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
