// How long a fresh process takes to its first answer: node by itself, the bare functions framework, and the built function
// with nothing, little and a real message to do. `node bench/cold-start.js [rounds] [case …]`; build first.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startCloud } from "../test/cloud/world.ts";
import { coldProcess } from "./cold-start-process.js";

const [rounds = "15", ...chosen] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const data = mkdtempSync(join(tmpdir(), "baton-bench-"));

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
const { BATON_AUDIENCE, BATON_CALLERS, ...untold } = cloud.environment;
for (const name of Object.keys(cloud.environment)) delete process.env[name];
Object.assign(process.env, untold);
const app = cloud.open();

const framework = `${root}node_modules/@google-cloud/functions-framework/build/src/main.js`;
const baton = { arguments: [framework, "--target=baton"], cwd: root };
const google = { ...untold, BATON_DATA: data };
const checked = { ...google, BATON_AUDIENCE, BATON_CALLERS };
const ignored = { message: { attributes: { eventType: "OBJECT_DELETE", bucketId: "b", objectId: "o" } } };

const cases = {
  node: { arguments: ["-e", "0"], cwd: root, environment: {} },
  framework: {
    arguments: [framework, "--target=answer", "--source=bench/cold-start-function.js"],
    cwd: root,
    environment: {},
    request: async () => post({}),
  },
  healthz: { ...baton, environment: google, request: async () => ({ method: "GET", path: "/healthz" }) },
  ignored: { ...baton, environment: google, request: async () => post(ignored) },
  message: { ...baton, environment: google, request: firstMessage },
  "message + token": { ...baton, environment: checked, request: firstMessage },
  embedded: {
    ...baton,
    environment: { BATON_ENGINE: "embedded", BATON_DATA: data },
    request: async () => post({ workflowId: "greet", input: { name: "Ada" } }),
  },
};

const names = chosen.length > 0 ? chosen : Object.keys(cases);
const taken = new Map(names.map((name) => [name, []]));
// The first round fills the caches of the disk.
for (let round = -1; round < Number(rounds); round++)
  for (const [name, milliseconds] of taken) {
    const { request, ...process } = cases[name];
    const took = await coldProcess(process, await request?.());
    if (round >= 0) milliseconds.push(took);
  }

console.log(
  "| from the start of a process to | ms (median) | ms (best) | × bare framework |\n|---|---|---|---|",
);
const base = median(taken.get("framework") ?? []);
for (const [name, milliseconds] of taken) {
  const middle = median(milliseconds);
  const best = Math.min(...milliseconds);
  console.log(`| ${name} | ${middle.toFixed(0)} | ${best.toFixed(0)} | ${(middle / base).toFixed(2)} |`);
}
await cloud.close();
sink.close();
rmSync(data, { recursive: true, force: true });
process.exit();

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
