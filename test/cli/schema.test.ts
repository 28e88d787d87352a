import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { builtInTaskTypes } from "../../src/tasks/index.ts";
import { readDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { workflowJsonSchema } from "../../src/workflow/json-schema.ts";
import { Workplace } from "../support/command.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const accepts = new Ajv({ allErrors: true }).compile(workflowJsonSchema(builtInTaskTypes));

/** A workflow with one task, and in it what the case is about. */
const withTask = (task: string) => `workflow: w\ntasks:\n  - { id: a, ${task} }\n`;
const query = "type: runQuery, with: { sql: SELECT 1, into: t }";

const correct = [
  withTask(query),
  withTask(`${query}, retry: false, idempotency: true, timeout: 30m15s, queue: slow`),
  withTask(`${query}, retry: { maxAttempts: 2, initial: 10s, factor: 1.5, max: 1h, jitter: 0.5 }`),
  withTask(`${query}, idempotency: { key: { fields: [day, "store?"] }, ttl: 7d, onLocked: skip }`),
  withTask(`${query}, idempotency: { key: arguments, scope: batch, recurring: true }`),
  withTask(`${query}, callback: { url: "{{ input.url }}", archive: { key: [id] } }`),
  withTask(
    "type: http, with: { url: https://a.example, expect: ['{{ input.status }}'], timeout: '{{ input.wait }}' }",
  ),
  withTask(
    "type: http, with: { url: https://a.example, maxResponseBytes: '{{ input.bytes }}', body: { a: [1] } }",
  ),
  withTask(
    "type: loadFile, with: { table: t, mode: '{{ input.mode }}', header: false, columns: { zip: text } }",
  ),
  withTask("type: loadFile, with: { table: t, file: '{{ parents.x }}' }"),
  "workflow: w\non: [{ fileDrop: '*.csv' }, { schedule: 0 6 * * *, timeZone: Europe/Paris, missed: catch_up }]\n" +
    `tasks: [{ id: a, ${query} }, { id: b, ${query}, after: [a], rule: any_failed }]\n`,
];

const mistakes = [
  withTask("type: runQuerry, with: {}"),
  withTask("type: runQuery, with: { sql: SELECT 1 }"),
  withTask("type: runQuery"),
  withTask(`${query}, timeOut: 5m`),
  withTask(`${query}, timeout: 5 minutes`),
  withTask(`${query}, retry: true`),
  withTask(`${query}, retry: { max: soon }`),
  withTask(`${query}, idempotency: false`),
  withTask(`${query}, idempotency: { key: something }`),
  withTask(`${query}, rule: most`),
  withTask("type: http, with: { url: https://a.example, method: FETCH }"),
  withTask("type: http, with: { url: https://a.example, maxResponseBytes: many }"),
  withTask("type: loadFile, with: { table: t, colums: {} }"),
  "workflow: w w\ntasks: []\n",
  "workflow: w\non: [{ fileDrop: '*.csv', schedule: 0 6 * * * }]\ntasks: []\n",
];

test.each(correct)("the schema accepts what Baton accepts: %s", async (text) => {
  expect((await readDataWorkflow(text, "w.yaml", builtInTaskTypes)).ok).toBe(true);
  accepts(parse(text));
  expect(accepts.errors ?? []).toEqual([]);
});

test.each(mistakes)("the schema refuses what Baton refuses: %s", async (text) => {
  expect((await readDataWorkflow(text, "w.yaml", builtInTaskTypes)).ok).toBe(false);
  expect(accepts(parse(text))).toBe(false);
});

test("the workflows of this repository that are written as data pass the schema", () => {
  const files = globSync("{template,samples,functions}/workflows/**/*.{yaml,yml}", { cwd: root });
  expect(files).not.toEqual([]);
  for (const file of files) {
    accepts(parse(readFileSync(root + file, "utf8")));
    expect([file, accepts.errors ?? []]).toEqual([file, []]);
  }
});

test("every field has a description, which editors show", () => {
  const missing: string[] = [];
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== "object" || schema === null) return;
    if ("properties" in schema && typeof schema.properties === "object" && schema.properties !== null)
      for (const [name, field] of Object.entries(schema.properties)) {
        if (field.description === undefined && name !== "with") missing.push(`${path}.${name}`);
      }
  };
  const { definitions, properties } = workflowJsonSchema(builtInTaskTypes);
  visit({ properties }, "");
  visit(JSON.parse(JSON.stringify(definitions)).task, "task");
  expect(missing).toEqual([]);
});

test("`baton schema` prints it, with the task types of the project", async () => {
  const place = new Workplace({
    "types.ts": `import { defineTaskType } from "baton-dag";
import * as z from "zod";
export const say = defineTaskType({
  type: "say",
  parameters: z.strictObject({ text: z.string(), loud: z.boolean() }),
  run: () => 1,
});
`,
  });
  const { code, stdout } = await place.baton(["schema"]);
  expect(code).toBe(0);
  const ofProject = new Ajv().compile(JSON.parse(stdout));
  const said = withTask("type: say, with: { text: hello, loud: '{{ input.loud }}' }");
  expect(ofProject(parse(said))).toBe(true);
  expect(ofProject(parse(withTask("type: say, with: { text: hello, loud: very }")))).toBe(false);
  expect(accepts(parse(said))).toBe(false);
});

test("the built schema is that of the sources", () => {
  const built = JSON.parse(readFileSync(`${root}dist/workflow.schema.json`, "utf8"));
  expect(built).toEqual(workflowJsonSchema(builtInTaskTypes));
});
