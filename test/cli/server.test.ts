import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import * as z from "zod";
import { type Running, until, Workplace } from "../support/command.ts";
import { gated, helloFiles } from "../support/command-workflows.ts";

const statusOf = async (place: Workplace, batchId: string): Promise<string> =>
  (await place.baton(["show", batchId, "--json"])).json.status;

test("start prints its addresses and folders, serves, and stops on SIGTERM", async () => {
  const place = new Workplace({ ...helloFiles, "throws.ts": "throw new Error('no luck');\n" });
  const server = place.spawn(["start", "--port", "0"]);
  await server.saysOut("hello\n");
  await server.saysError("problem WORKFLOW_FILE_FAILED");
  const data = place.path("data");
  for (const file of ["inbox", "baton.sqlite", "warehouse.duckdb", "reports"])
    expect(server.stdout).toContain(`${data}/${file}`);
  const url = /http:\S+/.exec(server.stdout)?.[0] ?? "";
  const answer = await post(url, { workflowId: "hello", input: { n: 1 } });
  await until(async () => (await statusOf(place, answer.batchId)) === "SUCCESS");
  server.signal("SIGTERM");
  const { code, stderr } = await server.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('"severity":"INFO"');
});

test("publish: from an argument, a file and standard input; a running server starts the batches", async () => {
  const place = new Workplace(helloFiles);
  await place.server();
  const message = JSON.stringify({ workflowId: "hello", input: { n: 1 } });
  place.write("message.json", message);
  const [argument, file, input] = await Promise.all([
    place.baton(["publish", message, "--json"]),
    place.baton(["publish", "@message.json", "--json"]),
    place.baton(["publish", "-", "--json"], { input: message }),
  ]);
  for (const { json } of [argument, file, input]) {
    expect(json.message).toMatchObject({ kind: "start", workflowId: "hello", key: expect.any(String) });
    await until(async () => (await statusOf(place, json.batchId).catch(() => "")) === "SUCCESS");
  }
  expect((await place.baton(["batches", "--json"])).json).toHaveLength(3);
  expect((await place.baton(["publish", message])).stdout).toMatch(/^Published: it starts batch hello-/);
});

test("publish: a future dead letter is refused, and the effect of any other message is printed", async () => {
  const place = new Workplace(helloFiles);
  const { batchId } = (await place.baton(["run", "hello", "--input", '{"n":1}', "--key", "k", "--json"]))
    .json;
  const refused: readonly (readonly [object, string])[] = [
    [{ workflowId: "hallo", input: { n: 1 } }, "WORKFLOW_UNKNOWN"],
    [{ workflowId: "hello", input: { n: "one" } }, "INPUT_INVALID"],
    [{ batchId: "nowhere", taskId: "a" }, "BATCH_UNKNOWN"],
    [{ batchId, taskId: "missing" }, "TASK_UNKNOWN"],
    [{ batchId, taskId: "missing", previousTaskId: "missing", completion: { result: 1 } }, "TASK_UNKNOWN"],
    [{ batchId: "nowhere", event: "paid" }, "BATCH_UNKNOWN"],
    [{ kind: "redrive", batchId: "nowhere" }, "BATCH_UNKNOWN"],
    [{ kind: "callback", callbackId: "nowhere" }, "CALLBACK_UNKNOWN"],
  ];
  for (const [message, code] of refused) {
    const { code: exitCode, json } = await place.baton(["publish", JSON.stringify(message), "--json"]);
    expect([message, exitCode, json.error]).toMatchObject([message, 2, { code }]);
  }
  const near = await place.baton(["publish", '{"workflowId":"helo"}']);
  expect(near.stderr).toContain('There is no workflow "helo"; the workflows are: hello; did you mean hello?');
  const output: readonly (readonly [object, string])[] = [
    [
      { workflowId: "hello", input: { n: 2 }, key: "k" },
      `batch ${batchId} was started before and is SUCCESS: nothing is started again`,
    ],
    [{ batchId, event: "paid" }, `batch ${batchId} has ended SUCCESS: nothing changes`],
    [
      { kind: "object", bucket: "inbox", object: "a.csv", generation: "1" },
      "no workflow matches inbox/a.csv: it starts nothing",
    ],
    [{ kind: "tick" }, "it checks the schedules"],
  ];
  for (const [message, outcome] of output) {
    const { code, stdout } = await place.baton(["publish", JSON.stringify(message)]);
    expect([code, stdout.split("\n")[0]]).toEqual([0, `Published: ${outcome}.`]);
  }
  const unchecked = await place.baton(["publish", '{"workflowId":"hallo","key":"k"}', "--unchecked"]);
  expect(unchecked.stdout).toMatch(/^Published: unchecked, for batch hallo-/);
  await place.server();
  await until(async () => (await place.baton(["dead-letters", "--json"])).list.length > 0);
  expect((await place.baton(["dead-letters", "--json"])).list).toMatchObject([{ code: "WORKFLOW_UNKNOWN" }]);
});

test("publish: a key whose batch was retried is reported with its last run", async () => {
  const place = new Workplace({
    "once.ts": `import { existsSync } from "node:fs";
import { TaskError, workflow } from "baton-dag";
export default workflow("once").task("a", ({ input }) => {
  if (!existsSync(input.repaired)) throw new TaskError("not yet", { retryable: false });
});
`,
  });
  const input = { repaired: place.path("repaired") };
  const start = ["run", "once", "--input", JSON.stringify(input), "--key", "k", "--json"];
  const first = await place.baton(start);
  expect(first).toMatchObject({ code: 1, json: { status: "ERROR" } });
  place.write("repaired", "");
  const retried = await place.baton(["retry", first.json.batchId, "--json"]);
  const published = await place.baton([
    "publish",
    JSON.stringify({ workflowId: "once", input, key: "k" }),
    "--json",
  ]);
  expect(published).toMatchObject({
    code: 0,
    json: { batchId: retried.json.batchId, batches: [{ status: "SUCCESS" }] },
  });
});

test("a batch that is published while no server runs starts once, at the next start", async () => {
  const place = new Workplace(helloFiles);
  const message = { workflowId: "hello", input: { n: 1 }, key: "k" };
  const first = await place.baton(["publish", JSON.stringify(message), "--json"]);
  await place.baton(["publish", JSON.stringify(message)]);
  await place.server();
  await until(async () => (await statusOf(place, first.json.batchId).catch(() => "")) === "SUCCESS");
  expect((await place.baton(["batches", "--json"])).json).toHaveLength(1);
});

test("batches: newest first, filtered and cut", async () => {
  const place = new Workplace(helloFiles);
  for (const n of [1, 100, 2]) await place.baton(["run", "hello", "--input", `{"n":${n}}`]);
  const { list } = await place.baton(["batches", "--json"]);
  expect(list.map(({ status }) => status)).toEqual(["SUCCESS", "ERROR", "SUCCESS"]);
  expect(list[0]).toMatchObject({ workflowId: "hello", run: 1, startedBy: "manual" });
  const failed = await place.baton(["batches", "--status", "ERROR", "--workflow", "hello", "--json"]);
  expect(failed.json).toEqual([list[1]]);
  const cut = await place.baton(["batches", "--limit", "1"]);
  expect(cut.stdout.trim().split("\n")).toHaveLength(2);
  expect(cut.stderr).toContain("There are older ones: raise --limit");
  expect((await place.baton(["batches", "--workflow", "other", "--json"])).json).toEqual([]);
});

test("cancel, from another process than the one that runs the task", async () => {
  const place = new Workplace({ "gated.ts": gated });
  // The worker learns of a cancel by its heartbeat, of which a lease has six.
  const server = await place.server({ BATON_LEASE: "30s" });
  const { batchId } = await post(server.url, { workflowId: "gated" });
  await until(() => existsSync(place.path("seen")));
  const cancelled = await place.baton(["cancel", batchId]);
  expect(cancelled).toMatchObject({ code: 0, stderr: "" });
  expect(cancelled.stdout).toMatch(/^batch gated-\S+ CANCELLED/);
  await until(() => readFileSync(place.path("seen"), "utf8").includes("aborted 1"));
  place.write("gate", "");
  const { json } = await place.baton(["cancel", batchId, "--json"]);
  expect(json).toMatchObject({
    status: "CANCELLED",
    tasks: [
      { taskId: "wait", status: "CANCELLED", reason: "cancelled", attempts: 1 },
      { taskId: "after", status: "CANCELLED", attempts: 0 },
    ],
  });
});

test("dead letters: listed, replayed after their cause is fixed, and marked", async () => {
  const place = new Workplace(helloFiles);
  const server = await place.server();
  const buried = await post(server.url, { workflowId: "later", input: 7 });
  expect(buried).toMatchObject({ status: "dead-letter", code: "WORKFLOW_UNKNOWN" });
  const listed = await place.baton(["dead-letters"]);
  expect(listed.stdout).toMatch(new RegExp(`^${buried.deadLetterId} +\\S+ +no +WORKFLOW_UNKNOWN: `, "m"));
  await stopped(server);
  place.write(
    "workflows/later.ts",
    'import { workflow } from "baton-dag";\nexport default workflow("later").task("t", (c) => c.input);\n',
  );
  await place.server();
  const replayed = await place.baton(["replay", buried.deadLetterId ?? "", "--json"]);
  await until(async () => (await statusOf(place, replayed.json.batchId).catch(() => "")) === "SUCCESS");
  const { list } = await place.baton(["dead-letters", "--json"]);
  expect(list).toHaveLength(1);
  const letter = {
    deadLetterId: buried.deadLetterId,
    code: "WORKFLOW_UNKNOWN",
    replayedAt: expect.stringMatching(/Z$/),
  };
  expect(list[0]).toMatchObject(letter);
  for (const name of ["nonce", "body"]) expect(list[0]).not.toHaveProperty(name);
  const shown = await place.baton(["dead-letters", buried.deadLetterId ?? "", "--json"]);
  expect(shown.json).toMatchObject({ ...letter, body: expect.stringContaining('"later"') });
  expect(shown.json).not.toHaveProperty("nonce");
  const output = await place.baton(["dead-letters", buried.deadLetterId ?? ""]);
  expect(output.stdout).toContain('"workflowId":"later"');
  expect(await place.baton(["dead-letters", "missing"])).toMatchObject({
    stderr: expect.stringContaining("error DEAD_LETTER_UNKNOWN"),
  });
});

test("a port in use: PORT_IN_USE, exit 1", async () => {
  const place = new Workplace(helloFiles);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const { code, stderr } = await place.baton(["start", "--port", String(port)]);
  other.close();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error PORT_IN_USE: /m);
});

const AnswerSchema = z.object({
  status: z.string(),
  batchId: z.string().default(""),
  deadLetterId: z.string().optional(),
  code: z.string().optional(),
});

async function post(url: string, body: object) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return AnswerSchema.parse(await answer.json());
}

async function stopped(server: Running): Promise<void> {
  server.signal("SIGTERM");
  expect((await server.ended).code).toBe(0);
}
