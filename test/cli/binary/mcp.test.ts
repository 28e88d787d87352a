import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { limits } from "../../../src/core/limits.ts";
import { until, Workplace } from "../../support/command.ts";

const script = fileURLToPath(new URL("../../../bin/baton.js", import.meta.url));

const hello = `import { workflow } from "baton-dag";
import * as z from "zod";
console.log("printed while the file is loaded");
export default workflow("hello", { input: z.object({ name: z.string() }) })
  .task("say", ({ input }) => { console.log("printed by a task"); return { text: "Hello, " + input.name }; })
  .task("long", () => Array.from({ length: 300 }, (_, n) => ({ n, text: "x".repeat(180) })), { after: ["say"] });
`;
const waiting = `import { existsSync, writeFileSync } from "node:fs";
import { workflow } from "baton-dag";
export default workflow("waiting").task("wait", async ({ signal }) => {
  writeFileSync("began", "");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
});
`;

/** The official client, with a server in a process of its own. */
async function connected(place: Workplace, parameters: readonly string[] = []) {
  const environment = {
    PATH: process.env.PATH ?? "",
    BATON_DATA: place.path("data"),
    BATON_WORKFLOWS: place.path("workflows"),
    BATON_LEASE: "10m",
  };
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [script, "mcp", ...parameters],
    cwd: place.folder,
    env: environment,
    stderr: "ignore",
  });
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  onTestFinished(() => client.close());
  const call = async (name: string, input: Readonly<Record<string, unknown>> = {}) => {
    const result = await client.callTool({ name, arguments: { ...input } });
    const { isError, content } = ResultSchema.parse(result);
    const [first, second] = content.map(({ text }) => text);
    return { isError, json: JSON.parse(first ?? ""), text: first ?? "", notes: second ?? "" };
  };
  return { client, call, transport };
}

const ResultSchema = z.object({
  isError: z.boolean(),
  content: z.array(z.object({ type: z.literal("text"), text: z.string() })).max(2),
});

test("without --allow-changes an agent reads, and a tool that changes data is refused with a remedy", async () => {
  const place = new Workplace({ "hello.ts": hello });
  const { client, call } = await connected(place);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual([
    "batches",
    "dead-letters",
    "explain",
    "graph",
    "inspect",
    "show",
    "validate",
    "workflows",
  ]);
  expect(tools.every(({ annotations }) => annotations?.readOnlyHint === true)).toBe(true);
  expect(client.getInstructions()).toContain("only reads");
  expect((await call("batches")).json).toEqual([]);
  const refusal = { code: "USAGE", remedy: expect.stringContaining("--allow-changes") };
  const readers = tools.map(({ name }) => name);
  const all = await (await connected(place, ["--allow-changes"])).client.listTools();
  const changers = all.tools.map(({ name }) => name).filter((name) => !readers.includes(name));
  expect(changers).toContain("run");
  for (const name of changers)
    expect([name, await call(name)]).toMatchObject([name, { isError: true, json: { error: refusal } }]);
  const refused = await call("run", { workflow: "hello", input: { name: "Ada" } });
  expect(refused).toMatchObject({ isError: true, json: { error: refusal } });
  const file = place.path("page.html");
  expect(await call("show", { batchId: "b", html: file })).toMatchObject({
    json: { error: { code: "USAGE" } },
  });
  for (const { inputSchema } of all.tools)
    expect(JSON.stringify(inputSchema)).not.toMatch(/"(?:path|html|redact)"|to a file/);
  expect(existsSync(place.path("data"))).toBe(false);
  expect((await call("validate")).json).toMatchObject({ valid: true, workflowIds: ["hello"] });
  // The files as they are now, not as they were at the first call.
  place.write("workflows/hello.ts", hello.replaceAll('"hello"', '"hallo"'));
  expect((await call("workflows")).json).toMatchObject([{ workflowId: "hallo" }]);
  place.write("workflows/bad.ts", "export default (;\n");
  expect((await call("workflows")).notes).toContain("problem WORKFLOW_FILE_FAILED in ");
});

test("with --allow-changes it runs batches; results are bounded, and errors have a code and a remedy", async () => {
  const place = new Workplace({ "hello.ts": hello });
  const { client, call } = await connected(place, ["--allow-changes"]);
  const { tools } = await client.listTools();
  const run = tools.find(({ name }) => name === "run");
  expect(run).toMatchObject({
    description: "Start a batch of a workflow, run it and follow it until it ends.",
    annotations: { readOnlyHint: false },
    inputSchema: {
      type: "object",
      required: ["workflow"],
      additionalProperties: false,
      properties: {
        workflow: { type: "string", description: "Id of the workflow." },
        detach: { type: "boolean" },
      },
    },
  });
  for (const { inputSchema, description } of tools) {
    expect(description).toMatch(/^[A-Z].*\.$/);
    for (const property of Object.values(inputSchema.properties ?? {}))
      expect(property).toMatchObject({ description: expect.stringMatching(/^[A-Z"].*\.$/s) });
  }
  const ran = await call("run", { workflow: "hello", input: { name: "@ada" }, key: "--json" });
  expect(ran.isError).toBe(false);
  expect(ran.json).toMatchObject({ status: "SUCCESS", startedBy: "key --json" });
  expect(ran.json.tasks[0].result).toEqual({ text: "Hello, @ada" });
  expect(ran.text.length).toBeLessThanOrEqual(limits.toolResultCharacters);
  expect(ran.json.tasks[1].result.at(-1)).toMatch(/^and \d+ more$/);
  expect(ran.notes).toContain("too long");
  const { batchId } = ran.json;
  expect((await call("show", { batchId })).json).toMatchObject({ batchId, status: "SUCCESS" });
  expect((await call("batches", { limit: 1, status: "SUCCESS" })).json).toHaveLength(1);
  const errors = [
    [await call("show", { batchId: "missing" }), "BATCH_UNKNOWN"],
    [await call("show", { batchId: "--help" }), "BATCH_UNKNOWN"],
    [await call("show", { batchid: batchId }), "USAGE"],
    [await call("show"), "USAGE"],
    [await call("run", { workflow: "hello", input: { name: 1 } }), "INPUT_INVALID"],
    [await call("batches", { limit: 0 }), "USAGE"],
    [await call("shov"), "USAGE"],
  ] as const;
  for (const [{ isError, json }, code] of errors)
    expect([code, isError, json.error]).toMatchObject([
      code,
      true,
      { code, remedy: expect.stringMatching(/\w/) },
    ]);
  expect(errors[6][0].json.error.message).toContain("did you mean show?");
});

test("a call that the client cancels releases its work, and the end of the client ends the server", async () => {
  const place = new Workplace({ "waiting.ts": waiting });
  const { client, call, transport } = await connected(place, ["--allow-changes"]);
  const cancelled = new AbortController();
  const options = { signal: cancelled.signal, timeout: 2 ** 30 };
  const running = client.callTool({ name: "run", arguments: { workflow: "waiting" } }, undefined, options);
  running.catch(() => {});
  await until(() => place.has("began"));
  cancelled.abort();
  await expect(running).rejects.toThrow();
  // The worker lets its task go, and the batch waits for another one.
  await until(async () => {
    const [batch] = (await call("batches")).json;
    const [task] = (await call("show", { batchId: batch.batchId })).json.tasks;
    return task.status === "WAITING" && task.reason === "released";
  });
  const { pid } = transport;
  await client.close();
  await until(() => !isAlive(pid ?? 0));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
