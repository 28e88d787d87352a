import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { errorCatalog } from "../../core/errors/error-catalog.ts";
import { BatonError } from "../../core/errors/errors.ts";
import type { Definition, TaskDefinition } from "../../core/workflow/definition.ts";
import { ParentLists } from "../../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { table, triggerJson, triggerText } from "../output/text.ts";
import { failureExitCode, type Session } from "../session.ts";
import { findWorkflow, reportProblems, withApp } from "../with-app.ts";

export function registerWorkflows(program: Command, session: Session): void {
  program
    .command("workflows")
    .description("list the workflows that can be run")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton workflows")
    .action(({ json }: { readonly json?: true }) =>
      withApp(
        session,
        async (app) => {
          const workflows = await app.folder.all();
          await reportProblems(session, app);
          if (json) return session.json(workflows.map(workflowJson));
          const rows = workflows.map(({ definition, triggers }) => [
            definition.workflowId,
            String(definition.tasks.length),
            triggers.map(triggerText).join(", "),
          ]);
          session.print(table(["WORKFLOW", "TASKS", "STARTED BY"], rows));
        },
        "workflows",
      ),
    );
}

function workflowJson({ definition, triggers }: DeployedWorkflow) {
  const tasks = definition.tasks.map(({ id, type, after }) => ({ taskId: id, type, after }));
  return { workflowId: definition.workflowId, tasks, triggers: triggers.map(triggerJson) };
}

interface Options {
  readonly format: "mermaid" | "dot";
  readonly json?: true;
}

export function registerGraph(program: Command, session: Session): void {
  program
    .command("graph")
    .description("print a workflow as a diagram")
    .argument("<workflow>", "id of the workflow")
    .addOption(new Option("--format <format>", "language").choices(["mermaid", "dot"]).default("mermaid"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton graph sales-refresh --format dot")
    .action((workflowId: string, { format, json }: Options) =>
      withApp(
        session,
        async (app) => {
          const { definition } = await findWorkflow(session, app, workflowId);
          const diagram = (format === "dot" ? toDot(definition) : toMermaid(definition)).trimEnd();
          if (json) session.json({ workflowId, format, diagram });
          else session.print(diagram);
        },
        "workflows",
      ),
    );
}

/**
 * Where a set of parents and its children are connected by more edges than this, a diagram draws one point for them.
 */
const mostEdgesOfSet = 100;

interface Edge {
  readonly from: string;
  readonly to: string;
  /** The child's rule, unless it is the default. */
  readonly label: string | undefined;
}

/** What connects the tasks: directly, or through points that stand between many parents and many children. */
interface Edges {
  readonly edges: readonly Edge[];
  readonly points: readonly string[];
}

/** The workflow as a Mermaid flowchart, for READMEs and issues. */
export function toMermaid(definition: Definition): string {
  const { edges, points } = listEdges(definition);
  // Generated names, because `end`, `default` and others are keywords of Mermaid.
  const nodes = new Map(definition.tasks.map((task, index) => [task.id, `t${index}`]));
  const lines = definition.tasks.map((task) => `  ${nodes.get(task.id)}["${mermaidText(taskLabel(task))}"]`);
  for (const [index, point] of points.entries()) {
    nodes.set(point, `p${index}`);
    lines.push(`  p${index}((" "))`);
  }
  for (const { from, to, label } of edges) {
    const arrow = label === undefined ? "-->" : `-->|"${mermaidText(label)}"|`;
    lines.push(`  ${nodes.get(from)} ${arrow} ${nodes.get(to)}`);
  }
  return `${["flowchart LR", ...lines].join("\n")}\n`;
}

/** The workflow in the DOT language of Graphviz. */
export function toDot(definition: Definition): string {
  const { edges, points } = listEdges(definition);
  const lines = definition.tasks.map(
    (task) => `  ${dotString(task.id)} [label=${dotString(taskLabel(task))}];`,
  );
  for (const point of points) lines.push(`  ${dotString(point)} [shape=point];`);
  for (const { from, to, label } of edges) {
    const attributes = label === undefined ? "" : ` [label=${dotString(label)}]`;
    lines.push(`  ${dotString(from)} -> ${dotString(to)}${attributes};`);
  }
  const head = [`digraph ${dotString(definition.workflowId)} {`, "  rankdir=LR;", "  node [shape=box];"];
  return `${[...head, ...lines, "}"].join("\n")}\n`;
}

function listEdges(definition: Definition): Edges {
  const known = new Set(definition.tasks.map((task) => task.id));
  const lists = new ParentLists();
  const children: number[] = [];
  for (const { after } of definition.tasks) {
    const number = lists.add(after);
    children[number] = (children[number] ?? 0) + 1;
  }
  const parents = lists.all.map((list) => list.filter((parent) => known.has(parent)));
  // No task can have such a name, because of the `$`.
  const sources = parents.map((list, number) => {
    const size = Math.min(list.length, children[number] ?? 0);
    return size > 1 && list.length * (children[number] ?? 0) > mostEdgesOfSet ? [`$${number}`] : list;
  });
  const points = sources.flatMap((source) => (source[0]?.startsWith("$") ? source : []));
  const toPoints = sources.flatMap((source, number) =>
    source === parents[number]
      ? []
      : (parents[number] ?? []).map((from) => ({ from, to: source[0] ?? "", label: undefined })),
  );
  const toTasks = definition.tasks.flatMap(({ id, after, rule }) => {
    const label = rule === "all_succeeded" ? undefined : rule;
    return (sources[lists.add(after)] ?? []).map((from) => ({ from, to: id, label }));
  });
  return { edges: [...toPoints, ...toTasks], points };
}

function taskLabel(task: TaskDefinition): string {
  return `${task.id}\n${task.type}`;
}

/** Mermaid's only escapes are entities, so every special character becomes one. */
function mermaidText(text: string): string {
  return text
    .replace(/[^\p{L}\p{N} _.\n-]/gu, (character) => `#${character.codePointAt(0)};`)
    .replaceAll("\n", "<br>");
}

function dotString(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

export function registerValidate(program: Command, session: Session): void {
  program
    .command("validate")
    .description("list all problems of a workflow file, or of the files of a folder")
    .argument("[path]", "file or folder (default: BATON_WORKFLOWS)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton validate workflows")
    .action((path: string | undefined, { json }: { readonly json?: true }) => validate(session, path, json));
}

export function registerSchema(program: Command, session: Session): void {
  program
    .command("schema")
    .description("print the JSON Schema of workflow files, with the task types of the project, for editors")
    .option("--json", "print JSON, as without this option")
    .addHelpText("after", "\nExample:\n  baton schema > baton.schema.json")
    .action(async () => {
      const { projectTaskTypes } = await import("../../app/check-workflows.ts");
      const { workflowJsonSchema } = await import("../../workflow/json-schema.ts");
      session.json(workflowJsonSchema(await projectTaskTypes(session.environment)));
    });
}

async function validate(session: Session, path: string | undefined, json: true | undefined): Promise<void> {
  const target = path ?? (await configuredFolder(session));
  const { checkWorkflows } = await import("../../app/check-workflows.ts");
  const { workflowIds, problems, warnings } = await checkWorkflows(target, session.environment);
  const withRemedies = problems.map((problem) => ({ ...problem, remedy: errorCatalog[problem.code].remedy }));
  if (json) session.json({ valid: problems.length === 0, workflowIds, problems: withRemedies, warnings });
  else for (const line of resultLines(workflowIds, withRemedies)) session.print(line);
  if (!json) for (const warning of warnings) session.note(`warning: ${warning}`);
  if (problems.length > 0) session.exitCode = failureExitCode;
}

async function configuredFolder({ environment }: Session): Promise<string> {
  const { readConfiguration } = await import("../../configuration/configuration.ts");
  const { withoutReferences } = await import("../../configuration/secrets.ts");
  const { workflows } = readConfiguration(withoutReferences(environment));
  if (!existsSync(workflows))
    throw new BatonError("WORKFLOW_FOLDER_MISSING", "There is no folder of workflows", { where: workflows });
  return workflows;
}

interface ProblemWithRemedy {
  readonly code: string;
  readonly message: string;
  readonly where: string;
  readonly remedy: string;
}

function resultLines(workflowIds: readonly string[], problems: readonly ProblemWithRemedy[]): string[] {
  const lines = problems.map(
    ({ where, code, message, remedy }) => `${where}: ${code}: ${message}\n  ${remedy}`,
  );
  const names = workflowIds.length > 0 ? workflowIds.join(", ") : "no workflow";
  return [
    ...lines,
    problems.length === 0 ? `valid: ${names}` : `${problems.length} problems; valid: ${names}`,
  ];
}
