// What a function with little memory needs for a batch of 20,000 tasks: `node bench/batch-memory.js`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startCloud } from "../test/cloud/world.ts";
import { freePort } from "./cold-start-process.js";
import {
  figure,
  helpOn,
  load,
  machine,
  numberOption,
  repository,
  table,
  temporaryFolder,
} from "./machine.js";
import { peakMegabytes } from "./processes.js";

const help = `
npm run build && node bench/batch-memory.js [options]

Starts a batch of tasks that wait for an event, on the deployed function with local servers for Google's services. Then
a new process of the function redrives the batch, another one receives the event, after which all tasks wait for another
one, and \`baton cancel\` cancels the batch. On Linux each process is in a control group with the memory of the
container, and fails if it needs more. That takes the right to create one in /sys/fs/cgroup/memory. Prints the most
memory that each process had in use.

  --tasks 20000    tasks of the batch
  --memory-mb 256  memory of the container; 0: no limit
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    tasks: { type: "string", default: "20000" },
    "memory-mb": { type: "string", default: "256" },
  },
});
helpOn(values, help);

const tasks = numberOption(values, "tasks");
const limitMb = numberOption(values, "memory-mb", 0);
const place = temporaryFolder();
const group = limitMb > 0 ? createGroup(limitMb) : undefined;
const port = await freePort();
const url = `http://127.0.0.1:${port}/`;
const cloud = await startCloud({ pushUrl: url });
// The start below has no token.
const { BATON_AUDIENCE, BATON_CALLERS, ...environment } = cloud.environment;
for (const name of ["BATON_AUDIENCE", "BATON_CALLERS"]) delete process.env[name];
environment.BATON_WORKFLOWS = workflows();
environment.BATON_LOG_LEVEL = "error";
const app = cloud.open();
const rows = [];

const { batchId } = await withFunction("start, and all tasks begin to wait", async () => {
  const answer = await start();
  await delivered();
  return answer;
});
await withFunction("redrive", () => deliver({ kind: "redrive", batchId }));
await withFunction("event, and all tasks begin to wait for another one", () =>
  deliver({ kind: "event", batchId, event: "go" }),
);
await inContainer("cancel", [join(repository, "bin/baton.js"), "cancel", batchId, "--here"], (child) =>
  once(child, "exit"),
);
const { status } = await app.engine.admin.status(batchId);
if (status !== "CANCELLED") throw new Error(`The batch is ${status}`);

console.log(
  `${figure(tasks)} tasks, a container of ${limitMb || "unlimited"} MB. ${machine()}; load ${load()}.\n`,
);
console.log(table(["", "peak MB"], rows));
await cloud.close();
if (group) rmdirSync(group);
process.exit();

/** Again and again, as Pub/Sub delivers a message: our server of it may not take all messages in time. */
async function start() {
  const headers = { "content-type": "application/json" };
  for (;;) {
    const body = JSON.stringify({ workflowId: "wide", key: "bench" });
    const response = await fetch(url, { method: "POST", headers, body });
    const answer = await response.json();
    if (response.ok) return answer;
    if (answer.code !== "BROKER_FAILED") throw new Error(JSON.stringify(answer));
  }
}

/** Waits until all messages have been handled. The timeouts of the waits remain scheduled. */
async function delivered() {
  const isWaiting = ({ queued, waiting, inFlight }) => queued + waiting + inFlight > 0;
  do await cloud.pubsub.idle();
  while (cloud.pubsub.subscriptions().some(isWaiting));
}

async function deliver(message) {
  await app.broker.publish([{ queue: "$control", message }]);
  await delivered();
}

/** Runs `work` while a new process of the function serves. */
function withFunction(name, work) {
  const main = join(repository, "node_modules/@google-cloud/functions-framework/build/src/main.js");
  return inContainer(name, [main, "--target=baton", "--source=dist/functions/index.js"], async () => {
    while (!(await isServing())) await setTimeout(50);
    return work();
  });
}

function isServing() {
  return fetch(`${url}healthz`).then(
    (response) => response.ok,
    () => false,
  );
}

/** Throws if the process ends by a signal, as it does when its memory is used up. */
async function inContainer(name, words, work) {
  const enter = group ? `echo $$ > ${group}/cgroup.procs && ` : "";
  const child = spawn("/bin/sh", ["-c", `${enter}exec "$0" "$@"`, process.execPath, ...words], {
    cwd: repository,
    env: { ...process.env, ...environment, PORT: String(port), BATON_DATA: join(place, "data") },
    stdio: ["ignore", "ignore", "inherit"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  let peak = 0;
  const watch = setInterval(() => {
    peak = peakMegabytes(child.pid) || peak;
  }, 20);
  const exited = once(child, "exit").then(([code, signal]) => {
    if (code !== 0) throw new Error(`${name} ended with ${signal ?? code} at ${figure(peak)} MB`);
  });
  const result = await Promise.race([work(child), exited.then(() => new Promise(() => {}))]);
  clearInterval(watch);
  rows.push([name, figure(peak)]);
  console.error(`${name}: ${figure(peak)} MB`);
  exited.catch(() => {});
  child.kill("SIGKILL");
  return result;
}

function createGroup(megabytes) {
  const path = `/sys/fs/cgroup/memory/baton-bench-${process.pid}`;
  mkdirSync(path);
  writeFileSync(join(path, "memory.limit_in_bytes"), String(megabytes * 1_024 * 1_024));
  return path;
}

function workflows() {
  const folder = join(place, "workflows");
  mkdirSync(folder);
  const text = `
import { workflow } from "baton-dag";
let wide = workflow("wide");
for (let index = 0; index < ${tasks}; index++)
  wide = wide.task("t" + index, async ({ step }) => {
    await step.waitForEvent("go", { timeout: "2d" });
    await step.waitForEvent("another", { timeout: "2d" });
  });
export default wide;
`;
  writeFileSync(join(folder, "wide.mjs"), text);
  return folder;
}
