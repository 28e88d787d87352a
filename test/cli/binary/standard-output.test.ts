import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Workplace } from "../../support/command.ts";

/** Prints in every way there is: when it is loaded, and when its task runs. */
const talkative = `
import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { workflow } from "baton-dag";

async function talk(when) {
  console.log("TALK console " + when);
  console.info("TALK info " + when);
  console.table([{ TALK: "table " + when }]);
  process.stdout.write("TALK stream " + when + "\\n");
  writeSync(1, "TALK descriptor " + when + "\\n");
  spawnSync("sh", ["-c", "echo TALK child " + when], { stdio: "inherit" });
  const worker = new Worker("console.log('TALK worker " + when + "')", { eval: true });
  await new Promise((resolve) => worker.on("exit", resolve));
}

await talk("at import");
export default workflow("talkative").task("say", async () => {
  await talk("in a task");
  return 12;
}).task("key", () => 1, { after: ["say"], idempotency: { key: () => { console.log("TALK key"); return "k"; } } });
`;

const ways = ["console", "info", "stream", "descriptor", "child", "worker"];

/** Workflow files are loaded in one way, whatever the command: these differ in what they do with them. */
const commands = [
  ["run", "talkative", "--json"],
  ["validate"],
  ["backfill", "talkative", "--from", "2026-01-01", "--to", "2026-01-02", "--json"],
];

test.each(commands)("output of user code goes to standard error: %s %s %s", async (...parameters) => {
  const place = new Workplace({ "talkative.ts": talkative });
  const result = await place.process(parameters);
  expect(result.stdout).not.toContain("TALK");
  if (parameters.includes("--json")) expect(result.json).toBeTypeOf("object");
  for (const way of ways) expect(result.stderr).toContain(`TALK ${way} at import`);
  if (parameters[1] === "talkative") {
    for (const way of ways) expect(result.stderr).toContain(`TALK ${way} in a task`);
    expect(result.stderr).toContain("TALK key");
  }
});

test("so it does in a server, which prints only its addresses to standard output", async () => {
  const place = new Workplace({ "talkative.ts": talkative });
  const server = await place.server();
  await place.baton(["run", "talkative", "--detach"]);
  for (const way of ways) await server.saysError(`TALK ${way} in a task`);
  server.signal("SIGTERM");
  const { stdout, json } = await server.ended;
  expect(stdout).not.toContain("TALK");
  expect(json).toMatchObject({ workflowIds: ["talkative"] });
});

test("a file of both streams keeps their order and its previous content", async () => {
  const place = new Workplace({ "talkative.ts": talkative });
  const commands = `(echo before; "$0" "$1" validate --json; echo after) > all 2>&1`;
  const words = [
    "-c",
    commands,
    process.execPath,
    fileURLToPath(new URL("../../../bin/baton.js", import.meta.url)),
  ];
  await place.process(words, { program: "sh" });
  const all = readFileSync(place.path("all"), "utf8");
  expect(all).toMatch(/^before\n/);
  expect(all).toContain("TALK");
  expect(all).toMatch(/^\{\n {2}"valid": true,$/m);
  expect(all).toMatch(/^\}\nafter\n$/m);
});
