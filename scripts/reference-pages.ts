// Writes docs/errors.md from the catalogue of errors, and docs/workflow-files.md from the schemas that read such files.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { errorCatalog } from "../src/core/errors/error-catalog.ts";
import type { Disposition } from "../src/core/errors/task-errors.ts";
import { builtInTaskTypes } from "../src/tasks/index.ts";
import { workflowJsonSchema } from "../src/workflow/json-schema.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const errorsHead = `# Errors

Every error has a code. The command prints it with a sentence on what happened and one on what to do. \`--json\`, the
records of tasks and the answers of the HTTP entry have the same code. \`npm run reference\` writes this page from the
catalogue of errors.

A code of your own, which your code gives to a \`TaskError\`, is not on this page.
`;

const outcomes: Readonly<Record<Disposition, string>> = {
  none: "",
  "dead-letter": "stored as a dead letter",
  retry: "delivered again",
};

/** The page of all codes, in the order and under the headings of the catalogue. */
export function errorsPage(): string {
  const files = ["error-catalog", "task-errors"].map((name) => `${root}src/core/errors/${name}.ts`);
  const lines = files.flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const codes = new Map(Object.entries(errorCatalog));
  const sections = new Map<string, string[]>();
  let heading = "Other errors";
  for (const line of lines) {
    const [, comment, code = ""] = /^ {2}(?:\/\/ (.*)|([A-Z][A-Z_0-9]+):.*)$/.exec(line) ?? [];
    const error = codes.get(code);
    if (comment !== undefined) heading = comment;
    if (!error) continue;
    codes.delete(code);
    const then = outcomes[error.disposition];
    sections.set(heading, [...(sections.get(heading) ?? []), row([`\`${code}\``, error.remedy, then])]);
  }
  if (codes.size > 0)
    throw new Error(`These codes are in no file of the catalogue: ${[...codes.keys()].join()}`);
  const tables = [...sections].map(
    ([title, rows]) =>
      `## ${title}\n\n| code | what to do | its message is |\n|---|---|---|\n${rows.join("\n")}\n`,
  );
  return `${errorsHead}\n${tables.join("\n")}`;
}

const filesHead = `# Workflow files

Every field of a workflow in YAML or JSON. A workflow in TypeScript has the same fields: those of a task are the third
argument of \`.task(…)\`, and the parameters are those of the function with the name of the type.
\`npm run reference\` writes this page from the schemas that read the files. \`npx baton schema\` prints the schema.

A field without * may be left out. A text with \`{{ … }}\` may take the place of any parameter: see
[templates](templates.md).
`;

const SchemaSchema = z.looseObject({
  description: z.string().optional(),
  type: z.string().optional(),
  pattern: z.string().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  $ref: z.string().optional(),
  not: z.object({ const: z.boolean() }).optional(),
  oneOf: z.array(z.unknown()).optional(),
  get anyOf() {
    return z.array(SchemaSchema).optional();
  },
  get items() {
    return SchemaSchema.optional();
  },
  get properties() {
    return z.record(z.string(), SchemaSchema).optional();
  },
});
type Schema = z.infer<typeof SchemaSchema>;

const ThenSchema = z.object({
  if: z.object({ properties: z.object({ type: z.object({ const: z.string() }) }) }),
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema names it so.
  then: z.object({ properties: z.object({ with: SchemaSchema }) }),
});

/** The page of all fields of workflow files. */
export function workflowFilesPage(): string {
  const schema = workflowJsonSchema(builtInTaskTypes);
  const workflow = SchemaSchema.parse(schema);
  const task = SchemaSchema.extend({ allOf: z.array(ThenSchema) }).parse(
    z.object({ task: z.unknown() }).parse(schema.definitions).task,
  );
  const triggers = workflow.properties?.on?.items?.anyOf ?? [];
  const inner = (name: string) => task.properties?.[name]?.anyOf?.at(-1) ?? task.properties?.[name] ?? {};
  const types = task.allOf.map(({ if: { properties }, then }) => {
    const name = properties.type.const;
    const summary = builtInTaskTypes.get(name)?.summary ?? "";
    return `### ${name}\n\n${summary}. [More](tasks.md).\n\n${table(then.properties.with)}`;
  });
  return [
    filesHead,
    "## A workflow\n",
    table(workflow),
    "## A trigger\n",
    "Either a file drop or a schedule: [triggers](triggers.md).\n",
    ...triggers.map(table),
    "## A task\n",
    table(task),
    "## `retry` of a task\n",
    table(inner("retry")),
    "## `idempotency` of a task\n",
    "[The same work only once](idempotency.md) explains these fields.\n",
    table(inner("idempotency")),
    "## `callback` of a task\n",
    table(inner("callback")),
    "## Parameters of the built-in task types\n",
    ...types,
  ].join("\n");
}

function table({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, field]) =>
    row([`\`${name}\`${required.includes(name) ? " *" : ""}`, takes(field), field.description ?? ""]),
  );
  return `| field | takes | meaning |\n|---|---|---|\n${rows.join("\n")}\n`;
}

function takes(field: Schema): string {
  return field.oneOf ? "the name of a type, below" : typeOf(field);
}

function typeOf(schema: Schema): string {
  const { anyOf, enum: names, const: value, not, type, pattern = "", items } = schema;
  if (anyOf) {
    const kinds = anyOf.filter((one) => one.pattern !== "\\{\\{.*\\}\\}").map(typeOf);
    return [...new Set(kinds)].join(" or ");
  }
  if (not) return `\`${String(!not.const)}\``;
  if (value !== undefined) return `\`${value === "" ? '""' : String(value)}\``;
  if (names) return names.map((name) => `\`${String(name)}\``).join(", ");
  if (pattern.includes("ms|s|m|h|d")) return "duration, such as `5m`";
  if (type === "array" && items?.$ref) return "list of tasks";
  if (type === "array") return `list of ${items ? typeOf(items) : "values"}`;
  if (type === undefined) return "any value";
  return (
    { string: "text", integer: "whole number", boolean: "true or false", object: "object" }[type] ?? type
  );
}

/** A row of a table: `|` would end a cell. */
function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(`${root}docs/errors.md`, errorsPage());
  writeFileSync(`${root}docs/workflow-files.md`, workflowFilesPage());
}
