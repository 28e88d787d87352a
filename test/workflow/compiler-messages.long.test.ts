import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/app.ts";
import { runShell } from "../support/child-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Mistakes in a workflow, and what the compiler says about each. */
const mistakes: readonly (readonly [name: string, code: string, says: string])[] = [
  [
    "a parent that no task has",
    `two.task("c", () => 3, { after: ["on"] })`,
    `'"on"' is not assignable to type '"one" | "two"'`,
  ],
  [
    "a parent of the first task",
    `workflow("w").task("a", () => 1, { after: ["b"] })`,
    "no task is declared above this one",
  ],
  [
    "an id that is taken",
    `two.task("one", () => 3)`,
    `a task \\"one\\" is declared above: give this one another id`,
  ],
  [
    "a result of no parent",
    `two.task("c", ({ parent }) => parent("one"))`,
    "this task has no parents: name them in `after`",
  ],
  [
    "a status of no parent",
    `two.task("c", ({ parentStatus }) => parentStatus("one"))`,
    "this task has no parents: name them in `after`",
  ],
  [
    "a parent that is not in after",
    `two.task("c", ({ parent }) => parent("one"), { after: ["two"] })`,
    `'"one"' is not assignable to parameter of type '"two"'`,
  ],
  [
    "a Date as the result",
    `two.task("c", () => new Date())`,
    "result is a Date, which is not JSON: return a text, such as toISOString()",
  ],
  [
    "a Map deep in the result",
    `two.task("c", async () => ({ found: [{ by: new Map([[1, 2]]) }] }))`,
    "result.found[].by is a Map, which is not JSON",
  ],
  [
    "a Set in the result",
    `two.task("c", () => ({ seen: new Set<string>() }))`,
    "result.seen is a Set, which is not JSON",
  ],
  ["a bigint in the result", `two.task("c", () => ({ id: 1n }))`, "result.id is a bigint, which is not JSON"],
  [
    "a function in the result",
    `two.task("c", () => ({ next: () => 1 }))`,
    "result.next is a function, which is not JSON",
  ],
  [
    "a promise that is not awaited",
    `two.task("c", (t) => ({ one: t.parentStatus("one") }), { after: ["one"] })`,
    "result.one is a promise: await it",
  ],
  [
    "bytes as the result",
    `two.task("c", () => new Uint8Array(4))`,
    "result is an object of a class, which is not JSON",
  ],
  [
    "a duration in words",
    `two.task("c", () => 3, { timeout: "5 minutes" })`,
    `'"5 minutes"' is not assignable to type 'Duration`,
  ],
  [
    "a duration that is a number",
    `two.task("c", () => 3, { retry: { initial: 60 } })`,
    "'number' is not assignable to type 'Duration",
  ],
  [
    "a sleep in words",
    `two.task("c", ({ step }) => step.sleep("nap", "two days"))`,
    `'"two days"' is not assignable to parameter of type 'Duration'`,
  ],
  [
    "a key field that the input has not",
    `shop.task("c", () => 3, { idempotency: { key: { fields: ["dya"] } } })`,
    `'"dya"' is not assignable to type '"day"`,
  ],
  [
    "a key field beside names that are known only at run time",
    `shop.task("c", () => 3, { idempotency: { key: { fields: ["dya", ...process.argv] } } })`,
    `'"dya"' is not assignable to type '"day"`,
  ],
  [
    "a key field that the parameters have not",
    `shop.task("c", http({ url: "u" }), { idempotency: { key: { fields: ["day"] } } })`,
    `'"day"' is not assignable to type`,
  ],
  [
    "a file of a workflow without one",
    `shop.task("c", loadFile({ table: "sales" }))`,
    "it reads the file that was dropped: give the workflow `input: FileDropped`, or name a `file`",
  ],
  [
    "an archive of no file",
    `shop.task("c", archiveFile({ to: "archive/" }))`,
    "it reads the file that was dropped",
  ],
  [
    "a drop that starts another input",
    `workflow("w", { input: Shop, on: [fileDrop("*.csv")] })`,
    `the input needs \\"day\\", which a dropped file does not give`,
  ],
  [
    "a schedule that starts a drop",
    `workflow("w", { input: FileDropped, on: [schedule("0 6 * * *")] })`,
    `the input needs \\"bucket\\", which a schedule does not give`,
  ],
  [
    "a misspelt parameter",
    `two.task("c", runQuery({ sql: "SELECT 1", intoo: "t" }))`,
    "Did you mean to write 'into'?",
  ],
  [
    "a misspelt parameter of loadFile",
    `workflow("w", { input: FileDropped }).task("c", loadFile({ tabel: "t" }))`,
    "Did you mean to write 'table'?",
  ],
  [
    "a misspelt parameter of a type",
    `two.task("c", tell({ txt: "hello" }))`,
    "Did you mean to write 'text'?",
  ],
  [
    "a wrong parameter of a type",
    `two.task("c", tell({ text: "hello", times: "two" }))`,
    `'"two"' is not assignable to type`,
  ],
  [
    "a result of a type, used wrongly",
    `two.task("c", tell({ text: "x" })).task("d", async ({ parent }) => (await parent("c")).lenght, { after: ["c"] })`,
    "'length'",
  ],
  [
    "a client's input of another type",
    `client.start(shop, { day: 7 })`,
    "'number' is not assignable to type 'string'",
  ],
  [
    "a client's result of no task",
    `client.start(two, {}).then(async (batch) => (await batch.result()).three)`,
    "'three' does not exist",
  ],
];

const head = `import {
  archiveFile, type Client, defineTaskType, type Duration, FileDropped, fileDrop, http, loadFile, runQuery,
  schedule, workflow,
} from "baton-dag";
import * as z from "zod";
declare const client: Client;
const Shop = z.object({ day: z.string(), store: z.string().optional() });
const shop = workflow("shop", { input: Shop });
const two = workflow("two").task("one", () => 1).task("two", () => "2");
const tell = defineTaskType({
  type: "tell",
  parameters: z.strictObject({ text: z.string(), times: z.number().optional() }),
  run: (_context, { text }) => ({ length: text.length }),
});
`;

/** All of this has to compile. */
const correct = `
const durations: readonly Duration[] = ["250ms", "30s", "5m", "2h30m", "1d", "1.5h", "1d2h3m4s5ms", "1m30s"];
export const texts = durations.map((timeout) => workflow("w").task("a", () => 1, { timeout }));
export const given = (minutes: number): Duration => \`\${minutes}m\`;
two.task("c", tell({ text: "{{ parents.one }}", times: "{{ parents.one }}" }), { after: ["one"] });
two.task("c", ({ input }) => input).task("d", (): unknown => JSON.parse("{}")).task("e", () => {});
shop.task("c", () => 3, { idempotency: { key: { fields: ["day", "store?"] } } });
shop.task("c", http({ url: "u" }), { idempotency: { key: { fields: ["url", "body?"] } } });
shop.task("c", tell({ text: "x" }), { idempotency: { key: ({ text }) => text } });
shop.task("c", loadFile({ table: "sales", file: "{{ parents.x }}" }));
workflow("any", { on: [fileDrop("*.csv")] }).task("c", loadFile({ table: "sales" }));
workflow("dropped", { input: FileDropped, on: [fileDrop("*.csv")] }).task("c", archiveFile({ to: "archive/" }));
workflow("either", { input: z.object({ date: z.string().default("") }), on: [fileDrop("*"), schedule("0 6 * * *")] });
interface Tree { readonly name: string; readonly below: readonly Tree[] }
export const tree: Tree = { name: "root", below: [] };
two.task("c", () => tree).task("d", async ({ parent }) => (await parent("c")).below[0]?.name ?? null, { after: ["c"] });
two.task("c", () => ({ result: "all", summary: { rows: 3 } })).task("d", async ({ parent }) => {
  const rows: number = (await parent("c")).rows;
  return { rows, none: undefined };
}, { after: ["c"] });
`;

test("the compiler describes a mistake in a workflow in words", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "mistakes"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const write = (name: string, text: string) => writeFileSync(join(folder, "mistakes", name), text);
  for (const [index, [, code]] of mistakes.entries())
    write(`m${index}.ts`, `${head}export const mistake = ${code};\n`);
  write("correct.ts", head + correct);
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noUnusedLocals: false,
      paths: { "baton-dag": [join(root, "src/index.ts")] },
    },
    include: ["mistakes"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  const output = await runShell(
    `${join(root, "node_modules/.bin/tsc")} -p tsconfig.json --pretty false || true`,
    folder,
  );
  const messages = output.split(/^(?=\S)/m);
  const about = (name: string) => messages.filter((text) => text.startsWith(`mistakes/${name}(`)).join("");
  expect(about("correct.ts")).toBe("");
  expect(messages.filter((text) => !text.startsWith("mistakes/"))).toEqual([]);
  const found = mistakes.map(([name, , says], index) => ({ name, says, printed: about(`m${index}.ts`) }));
  expect(found.filter(({ says, printed }) => !printed.includes(says))).toEqual([]);
});
