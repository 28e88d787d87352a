import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, expectTypeOf, test } from "vitest";
import { type BatchHandle, type Client, workflow } from "../../src/index.ts";
import { Workplace } from "../support/command.ts";
import { gated } from "../support/command-workflows.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}docs/client.md`, "utf8");
const snippets = [...page.matchAll(/^```ts file=(\S+)\n(.*?)^```$/gms)];

const asking = `
import { workflow } from "baton-dag";
export default workflow("asking")
  .task("large", () => "x".repeat(400_000))
  .task("ask", ({ waitForCompletion }) => waitForCompletion("1d"))
  .task("after", async ({ parent }) => (await parent("ask")), { after: ["ask"] });
`;

/** A project with the workflows of the page and of this test. */
function project(): Workplace {
  const place = new Workplace({ "gated.ts": gated, "asking.ts": asking });
  mkdirSync(place.path("node_modules"));
  symlinkSync(root, place.path("node_modules/baton-dag"));
  symlinkSync(join(root, "node_modules/zod"), place.path("node_modules/zod"));
  place.write("package.json", '{ "type": "module", "dependencies": { "baton-dag": "*" } }');
  for (const [, name = "", text = ""] of snippets) place.write(name, text);
  return place;
}

/** Runs a program that uses a client, to its end. Returns what it printed. */
async function run(place: Workplace, name: string): Promise<string> {
  const { code, stdout, stderr } = await place.process([name], { program: process.execPath });
  expect([stderr, code]).toEqual(["", 0]);
  return stdout;
}

/** The values that a program has printed with `print`. */
async function printed(place: Workplace, name: string): Promise<unknown[]> {
  const lines = (await run(place, name)).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** The body of a program that has a `client`, and prints with `print`. */
function program(body: string): string {
  return `import { createClient } from "baton-dag";
const print = (value) => console.log(JSON.stringify(value));
const codeOf = (promise) => promise.then(() => "none", ({ code, details }) => [code, details?.taskId ?? null]);
const client = await createClient();
${body}
await client.close();
`;
}

test("the programs of the page work beside a running server, which runs the tasks", async () => {
  const place = project();
  await place.server();
  expect(snippets.length).toBe(4);
  expect(await run(place, "place-order.ts")).toBe("500 { by: 'card' }\n");
  expect(await run(place, "failed-order.ts")).toBe("BATCH_FAILED price\n");
  const again = await run(place, "place-order.ts");
  expect(again).toBe("500 { by: 'card' }\n");
  expect((await place.baton(["batches", "--json"])).list).toHaveLength(2);
});

test("results are whole, tasks are completed, and wrong calls are refused with their code", async () => {
  const place = project();
  await place.server();
  place.write(
    "ask.js",
    program(`
const batch = await client.start("asking", null, { key: "k" });
const same = await client.start("asking", null, { key: "k" });
print(same.batchId === batch.batchId);
await client.batch(batch.batchId).complete("ask", { yes: true });
const { large, ask, after } = await batch.result();
print([large.length, ask, after]);
print((await batch.status()).status);
print(await codeOf(batch.complete("ask", 1)));
print(await codeOf(batch.complete("nothing", 1)));
print(await codeOf(client.start("nothing")));
print(await codeOf(client.start("order", { item: 7 })));
print(await codeOf(client.start("asking", { n: 1n })));
print(await codeOf(client.batch("nowhere").result()));
print(await codeOf(client.batch("nowhere").event("paid")));`),
  );
  expect(await printed(place, "ask.js")).toEqual([
    true,
    [400_000, { yes: true }, { yes: true }],
    "SUCCESS",
    ["TASK_ENDED", null],
    ["TASK_UNKNOWN", null],
    ["WORKFLOW_UNKNOWN", null],
    ["INPUT_INVALID", null],
    ["USAGE", null],
    ["BATCH_UNKNOWN", null],
    ["BATCH_UNKNOWN", null],
  ]);
});

test("without a server: nothing runs, a batch can be cancelled, and closing ends the wait for a result", async () => {
  const place = project();
  place.write(
    "wait.js",
    program(`
const cancelled = await client.start("gated");
print((await cancelled.cancel()).status);
print(await codeOf(cancelled.result()));
const waiting = await client.start("order", { item: "book" });
const code = codeOf(waiting.result());
print((await waiting.status()).tasks.map(({ status }) => status));
await client.close();
print(await code);
print(await codeOf(waiting.status()));`),
  );
  expect(await printed(place, "wait.js")).toEqual([
    "CANCELLED",
    ["BATCH_CANCELLED", null],
    ["NEW", "NEW"],
    ["CLIENT_CLOSED", null],
    ["CLIENT_CLOSED", null],
  ]);
});

test("results and completions are typed by the workflow", () => {
  const typed = workflow("typed")
    .task("a", () => 1)
    .task("b", () => ({ text: "x" }), { after: ["a"] });
  const start = (client: Client) => client.start(typed);
  type Handle = Awaited<ReturnType<typeof start>>;
  expectTypeOf<Awaited<ReturnType<Handle["result"]>>["a"]>().toEqualTypeOf<number | null>();
  expectTypeOf<Parameters<Handle["complete"]>[0]>().toEqualTypeOf<"a" | "b">();
  expectTypeOf<Parameters<BatchHandle["complete"]>[0]>().toEqualTypeOf<string>();
});

test("a client that works runs tasks without a server, and continues the batches of others", async () => {
  const place = project();
  const left = await place.baton(["run", "order", "--input", '{"item":"left"}', "--detach", "--json"]);
  expect(await run(place, "greet-here.ts")).toBe("250\n");
  place.write(
    "continue.js",
    `import { createClient } from "baton-dag";
const client = await createClient({ work: true });
const batch = client.batch(${JSON.stringify(left.json.batchId)});
await batch.event("payment", 1);
console.log(JSON.stringify(await batch.result()));
await client.close();
`,
  );
  expect(JSON.parse(await run(place, "continue.js"))).toEqual({ price: { cents: 250 }, paid: { paid: 1 } });
});
