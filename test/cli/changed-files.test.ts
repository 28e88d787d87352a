import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { until, Workplace } from "../support/command.ts";

const helper = (says: string) => `export const says = "${says}";\n`;
const talk = `import { workflow } from "baton-dag";
import { says } from "./lib/helper.ts";
import { createRequire } from "node:module";
const { old } = createRequire(import.meta.url)("./lib/old.cjs");
export default workflow("talk").task("say", () => says + " " + old);
`;
const files = { "talk.ts": talk, "lib/helper.ts": helper("one"), "lib/old.cjs": "exports.old = 1;\n" };

/** What a batch that the server alone works on comes to. */
async function resultOf(place: Workplace, workflowId: string): Promise<unknown> {
  const { json } = await place.baton(["run", workflowId, "--detach", "--json"]);
  let ended = json;
  await until(async () => {
    ended = (await place.baton(["show", json.batchId, "--json"])).json;
    return ended.status !== "RUNNING";
  });
  return ended.tasks.map(({ result }) => result).join();
}

async function serving(given: Readonly<Record<string, string>> = files) {
  const place = new Workplace(given);
  const server = await place.server();
  const reloads = async (times: number) =>
    until(() => server.stderr.split("workflow files changed and were reloaded").length > times);
  return { place, server, reloads };
}

test("a server runs the code of changed files, and of modules that they import, of either kind", async () => {
  const { place, reloads } = await serving();
  expect(await resultOf(place, "talk")).toBe("one 1");
  place.write("workflows/lib/helper.ts", helper("two"));
  await reloads(1);
  expect(await resultOf(place, "talk")).toBe("two 1");
  place.write("workflows/lib/old.cjs", "exports.old = 22;\n");
  await reloads(2);
  expect(await resultOf(place, "talk")).toBe("two 22");
  place.write("workflows/talk.ts", talk.replace('says + " "', '"says " + says'));
  await reloads(3);
  expect(await resultOf(place, "talk")).toBe("says two22");
});

test("a workflow in a new file exists for the next request", async () => {
  const { place } = await serving();
  place.write("workflows/new.ts", talk.replaceAll('workflow("talk")', 'workflow("new")'));
  expect(await resultOf(place, "new")).toBe("one 1");
});

test("a file with an error keeps its previous workflows in use, and the log says why", async () => {
  const { place, server, reloads } = await serving();
  place.write("workflows/talk.ts", "export default workflow(;\n");
  place.write("workflows/other.ts", talk.replaceAll('workflow("talk")', 'workflow("other")'));
  await reloads(1);
  await server.saysError("its previous workflows stay in use");
  expect(server.stderr).toMatch(
    /"code":"WORKFLOW_FILE_FAILED","where":"[^"]*talk\.ts:1:25","error":"Expression expected"/,
  );
  const start = (workflowId: string) =>
    fetch(server.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ workflowId, key: "k" }),
    });
  expect((await start("talk")).ok).toBe(true);
  expect((await start("other")).ok).toBe(true);
  await until(
    async () => (await place.baton(["batches", "--status", "SUCCESS", "--json"])).list.length === 2,
  );
  place.write("workflows/talk.ts", talk);
  await reloads(2);
  expect(await resultOf(place, "talk")).toBe("one 1");
});

test("a running task keeps its code; later tasks run the new code", async () => {
  const long = (version: number) => `import { existsSync, writeFileSync } from "node:fs";
    import { workflow } from "baton-dag";
    export default workflow("long").task("wait", async () => {
      writeFileSync("began", "");
      while (!existsSync("gate")) await new Promise((resolve) => setTimeout(resolve, 20));
      return ${version};
    }).task("after", () => ${version}, { after: ["wait"] });`;
  const { place, server, reloads } = await serving({ "long.ts": long(1) });
  const { json } = await place.baton(["run", "long", "--detach", "--json"]);
  await until(async () => (await place.baton(["show", json.batchId])).stdout.includes("PROCESSING"));
  await until(() => place.has("began"));
  place.write("workflows/long.ts", long(2));
  await reloads(1);
  place.write("gate", "");
  await until(async () => (await place.baton(["show", json.batchId, "--json"])).json.status === "SUCCESS");
  const { tasks } = (await place.baton(["show", json.batchId, "--json"])).json;
  expect(tasks.map(({ result }) => result)).toEqual([1, 2]);
  expect(server.child.exitCode).toBeNull();
});

test("a task whose file is missing reports a remedy, and continues when the file returns", async () => {
  const { place, reloads } = await serving();
  rmSync(place.path("workflows/talk.ts"));
  await reloads(1);
  // Of this file the server knows nothing.
  const patient = talk.replace("old);", 'old, { retry: { maxAttempts: 100, initial: "1s", factor: 1 } });');
  place.write("elsewhere/talk.ts", patient.replaceAll("./lib/", "../workflows/lib/"));
  const environment = { BATON_WORKFLOWS: place.path("elsewhere") };
  const { json } = await place.baton(["run", "talk", "--detach", "--json"], { environment });
  await until(async () => {
    const [task] = (await place.baton(["show", json.batchId, "--json"])).json.tasks;
    return JSON.stringify(task).includes("TASK_CODE_MISSING");
  });
  place.write("workflows/talk.ts", talk);
  await until(async () => (await place.baton(["show", json.batchId, "--json"])).json.status === "SUCCESS");
});

test("a folder that is missing for a while removes no workflow", async () => {
  const { place, server } = await serving();
  rmSync(place.path("workflows"), { recursive: true });
  await server.saysError("the workflow files can't be read");
  const started = await fetch(server.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ workflowId: "talk", key: "k" }),
  });
  expect(started.ok).toBe(true);
  await until(async () => {
    const environment = { BATON_WORKFLOWS: place.folder };
    const { list } = await place.baton(["batches", "--status", "SUCCESS", "--json"], { environment });
    return list.length === 1;
  });
});
