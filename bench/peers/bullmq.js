// Measures a workload on BullMQ and a Redis server of its own. BullMQ's flows are trees, so the graph is driven as a
// user would do it: the job of a task counts itself in at its children by one script, and adds those that are ready.
// A worker that dies in between loses that; Baton does not. So BullMQ does less work here than Baton.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { temporaryFolder } from "../machine.js";
import { measureRounds } from "../rounds.js";
import { leavesOf, workloadNamed } from "../workloads.js";
import { redisServer } from "./redis-server.js";

const { values } = parseArgs({
  options: {
    workload: { type: "string" },
    sync: { type: "string" },
    rounds: { type: "string" },
    "warm-up": { type: "string" },
  },
});
const concurrency = 50;
const workload = workloadNamed(values.workload);
const leaves = leavesOf(workload.tasks);
const roots = workload.tasks.filter(([, after]) => after.length === 0).map(([id]) => id);
const parentCounts = new Map(workload.tasks.map(([id, after]) => [id, after.length]));
const children = new Map(workload.tasks.map(([id]) => [id, []]));
for (const [id, after] of workload.tasks) for (const parent of after) children.get(parent).push(id);

const countIn = `
local ready = {}
for index = 1, #ARGV, 2 do
  if redis.call("HINCRBY", KEYS[1], ARGV[index], 1) == tonumber(ARGV[index + 1]) then
    ready[#ready + 1] = ARGV[index]
  end
end
return ready
`;

const folder = temporaryFolder();
const socket = join(folder, "redis.sock");
const server = spawn(
  redisServer(),
  [
    ...["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""],
    ...["--appendonly", "yes", "--appendfsync", values.sync],
  ],
  { stdio: "ignore" },
);
const serverEnded = once(server, "exit");
process.on("exit", () => server.kill("SIGKILL"));
const options = { path: socket, maxRetriesPerRequest: null };
const client = await connected(new Redis(options));
client.defineCommand("countIn", { numberOfKeys: 1, lua: countIn });
const queue = new Queue("tasks", { connection: new Redis(options) });
let left = 0;
let allEnded = () => {};
const worker = new Worker("tasks", work, { connection: new Redis(options), concurrency });
worker.on("completed", ({ data }) => {
  if (leaves.has(data.task) && --left === 0) allEnded();
});
worker.on("failed", (_job, error) => {
  throw error;
});
await worker.waitUntilReady();

const measured = await measureRounds({
  run: runBatches,
  tasks: workload.tasks.length * workload.batches,
  rounds: Number(values.rounds),
  warmUpSeconds: Number(values["warm-up"]),
  server: server.pid,
});
await worker.close();
await queue.close();
client.disconnect();
server.kill("SIGTERM");
await serverEnded;
console.log(JSON.stringify(measured));
process.exit();

async function runBatches() {
  const { promise, resolve } = Promise.withResolvers();
  left = leaves.size * workload.batches;
  allEnded = resolve;
  const batches = Array.from({ length: workload.batches }, () => randomUUID());
  await add(batches.flatMap((batch) => roots.map((task) => ({ batch, task }))));
  await promise;
}

async function work({ data: { batch, task } }) {
  const ready = await readyChildren(batch, task);
  if (ready.length > 0) await add(ready.map((child) => ({ batch, task: child })));
  return null;
}

async function readyChildren(batch, task) {
  const followers = children.get(task);
  if (followers.every((child) => parentCounts.get(child) === 1)) return followers;
  return client.countIn(
    `joins:${batch}`,
    followers.flatMap((child) => [child, parentCounts.get(child)]),
  );
}

function add(tasks) {
  return queue.addBulk(tasks.map((data) => ({ name: "task", data })));
}

/** Redis creates its socket some time after it was started. */
async function connected(redis) {
  redis.on("error", () => {});
  while (redis.status !== "ready") await setTimeout(20);
  return redis;
}
