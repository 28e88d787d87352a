import { renameSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { type Running, until, Workplace } from "../support/command.ts";

const helper = (says: string) => `export const says = "${says}";\n`;
const talk = `import { readFileSync } from "node:fs";
import { workflow } from "baton-dag";
import { says } from "../lib/helper.ts";
const sql = readFileSync(new URL("../lib/daily.sql", import.meta.url), "utf8").trim();
export default workflow("talk")
  .task("say", ({ log }) => {
    console.log("one\\ntwo");
    process.stdout.write("raw");
    log.warn("odd", { sql });
    return says + " " + sql;
  })
  .task("fail", () => {
    throw new Error("no rates", { cause: new Error("the file is empty") });
  }, { after: ["say"], retry: { maxAttempts: 1 }, when: () => 1 > 0 });
`;
const files = { "talk.ts": talk, "../lib/helper.ts": helper("hello"), "../lib/daily.sql": "select 1\n" };

async function developing(given: Readonly<Record<string, string>> = files) {
  // The inbox of the data folder, and not one that is configured.
  const place = new Workplace(given);
  const server = place.spawn(["dev", "--port", "0"]);
  await server.saysOut("http://127.0.0.1:");
  return { place, server };
}

/** Starts a batch in another process, as a colleague would. Resolves when `dev` has shown its end. */
async function shownBatch(place: Workplace, server: Running, workflowId: string): Promise<string> {
  const { json } = await place.baton(["run", workflowId, "--detach", "--json"]);
  await until(() => new RegExp(`batch ${json.batchId} (SUCCESS|ERROR) in `).test(server.stdout));
  return json.batchId;
}

async function resultOf(place: Workplace, batchId: string): Promise<unknown> {
  return (await place.baton(["show", batchId, "--json"])).json.tasks[0]?.result;
}

test("it shows batches and tasks, and what tasks print and log with their batch and task; Ctrl-C ends it", async () => {
  const { place, server } = await developing();
  const batchId = await shownBatch(place, server, "talk");
  const time = "^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} {2}";
  expect(server.stdout).toMatch(new RegExp(`${time}batch ${batchId} started, by manual$`, "m"));
  expect(server.stdout).toMatch(new RegExp(`${time}${batchId} {2}say {2}SUCCESS`, "m"));
  // With the error's causes, its place and the remedy.
  expect(server.stdout).toMatch(
    new RegExp(
      `${time}${batchId} {2}fail {2}ERROR .*TASK_FAILED: no rates: the file is empty {2}` +
        "at workflows/talk\\.ts:13:11\\n {2}what to do: ",
      "m",
    ),
  );
  for (const printed of ["one", "two", "raw", 'warning: {2}odd {2}sql="select 1"'])
    expect(server.stderr).toMatch(new RegExp(`${time}${batchId} say {2}${printed}$`, "m"));
  // Only what the command itself says is on standard output, and no line of the log shows a batch twice.
  expect(server.stdout).not.toMatch(/raw|odd/);
  expect(server.stderr).not.toMatch(/batch started|attempt failed/);
  server.signal("SIGINT");
  expect((await server.ended).code).toBe(0);
});

test("changes count at once, and one line says what changed", async () => {
  const { place, server } = await developing();
  place.write("workflows/talk.ts", talk.replace("maxAttempts: 1 }", 'maxAttempts: 1 }, timeout: "10m"'));
  await server.saysOut("talk: task `fail` changed, timeout 5m → 10m\n");
  const swapped = talk.replace('says + " " + sql', 'sql + " " + says');
  place.write("workflows/talk.ts", swapped);
  await server.saysOut("talk: task `say` changed, code\n");
  place.write("workflows/talk.ts", swapped.replace("1 > 0", "2 > 0"));
  await server.saysOut("talk: task `fail` changed, code\n");
  place.write("lib/helper.ts", helper("bye"));
  await server.saysOut("lib/helper.ts changed\n");
  place.write("lib/daily.sql", "select 2\n");
  await server.saysOut("lib/daily.sql changed\n");
  expect(await resultOf(place, await shownBatch(place, server, "talk"))).toBe("select 2 bye");
  place.write(
    "workflows/new.mjs",
    'import { workflow } from "baton-dag";\nexport default workflow("plain").task("a", () => 1);\n',
  );
  await server.saysOut("new workflow plain\n");
  expect(await resultOf(place, await shownBatch(place, server, "plain"))).toBe(1);
  rmSync(place.path("workflows/new.mjs"));
  await server.saysOut("workflow plain removed\n");
  expect(server.stderr).not.toContain("mistake");
});

test("a mistake is shown with its place and its remedy, and the last good version stays in use", async () => {
  const { place, server } = await developing({
    ...files,
    "old.yaml": "workflow: old\ntasks: [\n",
    "orders.yaml":
      'workflow: orders\non:\n  - fileDrop: "orders/new/*.csv"\ntasks:\n  - { id: a, type: http, with: { url: x } }\n',
  });
  await server.saysError("mistake in workflows/old.yaml:");
  await until(() => place.has("data/inbox/orders/new"));
  // As an editor does: another file takes the name.
  place.write("workflows/talk.ts~", "export default workflow(;\n");
  renameSync(place.path("workflows/talk.ts~"), place.path("workflows/talk.ts"));
  await server.saysError(
    "mistake in workflows/talk.ts:1:25: Expression expected (WORKFLOW_FILE_FAILED)\n  what to do: ",
  );
  expect(await resultOf(place, await startedThere(server, "talk"))).toBe("hello select 1");
  place.write("workflows/talk.ts", talk);
  await server.saysOut("workflows/talk.ts has no mistake any more\n");
  expect(server.stderr.match(/mistake in/g)).toHaveLength(2);
  expect(server.child.exitCode).toBeNull();
});

/** A batch that the server itself starts, with the workflows that it has. */
async function startedThere(server: Running, workflowId: string): Promise<string> {
  const url = /http:\S+/.exec(server.stdout)?.[0] ?? "";
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, {
    method: "POST",
    headers,
    body: JSON.stringify({ workflowId, key: "k" }),
  });
  const { batchId } = (await answer.json()) as { batchId: string };
  await until(() => new RegExp(`batch ${batchId} (SUCCESS|ERROR) in `).test(server.stdout));
  return batchId;
}

test("a running batch keeps its definition", async () => {
  const long = `import { existsSync } from "node:fs";
import { workflow } from "baton-dag";
export default workflow("long").task("wait", async () => {
  while (!existsSync("gate")) await new Promise((resolve) => setTimeout(resolve, 20));
}).task("first", () => 1, { after: ["wait"] });
`;
  const { place, server } = await developing({ "long.ts": long });
  const { json } = await place.baton(["run", "long", "--detach", "--json"]);
  await until(() => server.stdout.includes("wait  PROCESSING"));
  place.write("workflows/long.ts", long.replace(/;\n$/, '.task("extra", () => 1);\n'));
  await server.saysOut("long: new task `extra`\n");
  place.write("gate", "");
  await until(() => server.stdout.includes(`batch ${json.batchId} SUCCESS in `));
  expect(
    (await place.baton(["show", json.batchId, "--json"])).json.tasks.map(({ taskId }) => taskId),
  ).toEqual(["wait", "first"]);
});
