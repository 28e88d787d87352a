// How long a fresh process takes to its first answer: the bare functions framework, and the function as it is deployed with
// nothing, little and a real message to do. `node bench/cold-start.js [rounds] [case …]`; build first.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startCloud } from "../test/cloud/world.ts";
import { coldProcess } from "./cold-start-process.js";

const [rounds = "15", ...chosen] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "baton-bench-"));
const data = join(place, "data");

/** Pub/Sub pushes here; what it pushed is sent to the function that is measured. */
const pushes = [];
const sink = createServer(async (request, response) => {
  const chunks = await request.toArray();
  pushes.push({ headers: request.headers, body: Buffer.concat(chunks) });
  response.writeHead(204).end();
}).listen(0, "127.0.0.1");
await once(sink, "listening");
const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${sink.address().port}/` });
// A message is pushed without a token, unless its token is measured too: see "+ token".
const { BATON_AUDIENCE, BATON_CALLERS, ...unchecked } = cloud.environment;
for (const name of Object.keys(cloud.environment)) delete process.env[name];
Object.assign(process.env, unchecked);
const app = cloud.open();

const framework = `${root}node_modules/@google-cloud/functions-framework/build/src/main.js`;
const baton = { arguments: [framework, "--target=baton"], cwd: packed("compiled") };
execFileSync("npm", ["run", "gcp-build"], { cwd: baton.cwd, stdio: "ignore" });
const uncompiled = { ...baton, cwd: packed("uncompiled") };
const google = { ...unchecked, BATON_DATA: data };
const checked = { ...google, BATON_AUDIENCE, BATON_CALLERS };
const ignored = { message: { attributes: { eventType: "OBJECT_DELETE", bucketId: "b", objectId: "o" } } };

const cases = {
  framework: {
    arguments: [framework, "--target=answer", "--source=bench/cold-start-function.js"],
    cwd: root,
    environment: {},
    request: async () => post({}),
  },
  healthz: { ...baton, environment: google, request: async () => ({ method: "GET", path: "/healthz" }) },
  ignored: { ...baton, environment: google, request: async () => post(ignored) },
  message: { ...baton, environment: google, request: firstMessage },
  "message, nothing compiled": { ...uncompiled, environment: google, request: firstMessage },
  "message + token": { ...baton, environment: checked, request: firstMessage },
  embedded: {
    ...baton,
    environment: { BATON_ENGINE: "embedded", BATON_DATA: data },
    request: async () => post({ workflowId: "greet", input: { name: "Ada" } }),
  },
};

const names = chosen.length > 0 ? chosen : Object.keys(cases);
const measured = new Map(names.map((name) => [name, []]));
// The first round fills the caches of the disk.
for (let round = -1; round < Number(rounds); round++)
  for (const [name, times] of measured) {
    const { request, ...process } = cases[name];
    const time = await coldProcess(process, await request());
    if (round >= 0) times.push(time);
  }

console.log(
  "| from the start of a process to | processor ms (median) | best | ms (median) | best | × framework |",
);
console.log("|---|---|---|---|---|---|");
const base = median(timesOf("framework", "used"));
for (const name of names) {
  const [used, took] = [timesOf(name, "used"), timesOf(name, "took")];
  const shown = [median(used), Math.min(...used), median(took), Math.min(...took)].map((ms) => ms.toFixed(0));
  console.log(`| ${name} | ${shown.join(" | ")} | ${(median(used) / base).toFixed(1)} |`);
}
await cloud.close();
sink.close();
rmSync(place, { recursive: true, force: true });
process.exit();

/** A folder as it is deployed, with the packages of this repository. */
function packed(name) {
  const folder = join(place, name);
  execFileSync(process.execPath, [`${root}bin/baton.js`, "pack", folder], { cwd: root });
  symlinkSync(`${root}node_modules`, join(folder, "node_modules"));
  return folder;
}

function timesOf(name, kind) {
  return (measured.get(name) ?? []).map((time) => time[kind]);
}

/** The push of the first task of a batch that was started here just now. */
async function firstMessage() {
  const seen = pushes.length;
  await app.engine.start({ kind: "start", workflowId: "greet", input: { name: "Ada" } });
  await cloud.idle();
  const push = pushes[seen];
  if (!push) throw new Error("Nothing was pushed");
  const { "content-type": type, authorization } = push.headers;
  return { method: "POST", path: "/", headers: { "content-type": type, authorization }, body: push.body };
}

function post(body) {
  const headers = { "content-type": "application/json" };
  return { method: "POST", path: "/", headers, body: Buffer.from(JSON.stringify(body)) };
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
