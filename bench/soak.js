// Full speed for a long time, with a worker that is killed again and again: `node bench/soak.js`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openReader } from "./baton.js";
import { figure, helpOn, load, machine, median, repository, table } from "./machine.js";
import { residentMegabytes } from "./processes.js";
import { thisCheckout } from "./revision.js";
import { postStart, startServer } from "./servers.js";

const help = `
npm run build && node bench/soak.js [options]

Two \`baton start\` processes share a data folder and get batches of ten tasks by HTTP as fast as they take them. One of
them is killed (SIGKILL) again and again and started again; the memory of the other is watched. The load pauses after
each segment, and then is checked:
- every batch whose start was acknowledged has ended with SUCCESS, and no other batch has run;
- the effect of every task has happened, at most once for each of its attempts, and with its last attempt.
Exits with 1 if anything else was seen.

  --minutes 60         how long
  --segment-minutes 5  length of a segment
  --in-flight 16       posts at once
  --kill-every 10      mean seconds between two kills; 0 kills nothing
  --durability full    or normal
  --json               prints the segments as JSON

The data is in BENCH_FOLDER, or in the system's temporary folder: some gigabytes an hour.
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    minutes: { type: "string", default: "60" },
    "segment-minutes": { type: "string", default: "5" },
    "in-flight": { type: "string", default: "16" },
    "kill-every": { type: "string", default: "10" },
    durability: { type: "string", default: "full" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const minuteMs = 60_000;
/** How long the batches of a segment may take to end after the last start. A worker's leases last a minute. */
const patienceMs = 20 * minuteMs;

const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "baton-soak-"));
const effects = join(folder, "effects");
const environment = {
  BATON_DATA: join(folder, "data"),
  BATON_WORKFLOWS: join(folder, "workflows"),
  BATON_DURABILITY: values.durability,
  BATON_LEASE: "10s",
  BATON_SWEEP: "10s",
  BATON_LOG_LEVEL: "error",
};
writeWorkflow();
const survivor = await startServer(repository, folder, environment);
let victim = await startServer(repository, folder, environment);
process.on("exit", () => {
  survivor.kill("SIGKILL");
  victim.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const reader = await openReader({ root: repository, data: environment.BATON_DATA });

const segments = [];
let batchesEver = 0;
const end = Date.now() + Number(values.minutes) * minuteMs;
const loadBefore = load();
while (Date.now() < end) {
  const segment = await soak(Math.min(Number(values["segment-minutes"]) * minuteMs, end - Date.now()));
  segments.push(segment);
  console.error(
    `segment ${segments.length}: ${segment.batches} batches, ${segment.kills} kills, ` +
      `${segment.repeatedTasks} tasks repeated, ${segment.violations.length} violations`,
  );
}
await reader.close();
for (const server of [survivor, victim]) {
  server.kill("SIGTERM");
  await server.exited;
}
report();

/** One segment: load and kills, then a pause until all has ended, then the checks. */
async function soak(milliseconds) {
  const until = Date.now() + milliseconds;
  const isOver = () => Date.now() >= until;
  const megabytes = [];
  const batchIds = new Set();
  const [kills] = await Promise.all([
    killUntil(isOver, until),
    watchUntil(isOver, megabytes),
    ...Array.from({ length: Number(values["in-flight"]) }, () => postUntil(isOver, batchIds)),
  ]);
  const loadEnded = Date.now();
  const waiting = (await reader.running()).length;
  const notEnded = await endOfBatches();
  const drainSeconds = (Date.now() - loadEnded) / 1_000;
  const { repeatedTasks, violations } = await check(batchIds);
  return {
    batches: batchIds.size,
    batchesPerSecond: (batchIds.size * 1_000) / milliseconds,
    kills,
    waiting,
    drainSeconds,
    repeatedTasks,
    medianMegabytes: median(megabytes),
    peakMegabytes: Math.max(...megabytes),
    fileMegabytes: statSync(join(environment.BATON_DATA, "baton.sqlite")).size / 1e6,
    violations: [...notEnded, ...violations],
  };
}

async function killUntil(isOver, until) {
  const meanMs = Number(values["kill-every"]) * 1_000;
  let kills = 0;
  while (meanMs > 0 && !isOver()) {
    await setTimeout(Math.min(2 * meanMs * Math.random(), until - Date.now()));
    if (isOver()) break;
    victim.kill("SIGKILL");
    await victim.exited;
    kills += 1;
    victim = await startServer(repository, folder, environment);
  }
  return kills;
}

async function watchUntil(isOver, megabytes) {
  do {
    megabytes.push(residentMegabytes(survivor.pid));
    await setTimeout(1_000);
  } while (!isOver());
}

/** A post that got no answer is repeated with the same key, at any server: that starts the same batch. */
async function postUntil(isOver, batchIds) {
  while (!isOver()) {
    const message = { workflowId: "soak", key: `soak-${++batchesEver}` };
    for (let batchId; batchId === undefined; ) {
      const { url } = Math.random() < 0.5 ? survivor : victim;
      batchId = await postStart(url, message).then(
        (answer) => answer.batchId,
        () => setTimeout(20),
      );
      if (batchId !== undefined) batchIds.add(batchId);
    }
  }
}

/** Asks for the batches that run, by an index: to ask for the status of each batch takes longer than their end. */
async function endOfBatches() {
  const deadline = Date.now() + patienceMs;
  let running = await reader.running();
  while (running.length > 0 && Date.now() < deadline) {
    await setTimeout(200);
    running = await reader.running();
  }
  return running.map((batchId) => `batch ${batchId} has not ended`);
}

async function check(batchIds) {
  const attemptsOf = readEffects();
  const violations = [];
  let repeatedTasks = 0;
  for (const batchId of batchIds) {
    const batch = await reader.show(batchId);
    if (batch.status !== "SUCCESS") violations.push(`batch ${batchId} is ${batch.status}`);
    for (const { taskId, attempts } of batch.tasks) {
      const task = `${batchId} ${taskId}`;
      if (attempts > 1) repeatedTasks += 1;
      const problem = problemOf(attemptsOf.get(task) ?? [], attempts);
      if (problem) violations.push(`task ${task}: ${problem}`);
      attemptsOf.delete(task);
    }
  }
  for (const task of attemptsOf.keys()) violations.push(`task ${task} ran, but nothing started its batch`);
  return { repeatedTasks, violations };
}

/** `seen`: the attempts whose effect was seen. `attempts`: how many there were, by the record of the task. */
function problemOf(seen, attempts) {
  const text = `the effects of attempts ${seen.join(", ") || "none"} were seen, of ${attempts} attempts`;
  if (!seen.includes(attempts)) return `its last attempt had no effect: ${text}`;
  if (new Set(seen).size < seen.length) return `an attempt had its effect twice: ${text}`;
  if (Math.max(...seen) > attempts) return `an attempt is not in its record: ${text}`;
  return undefined;
}

/** The attempts with an effect, by batch and task. The file is emptied: nothing runs now. */
function readEffects() {
  const attemptsOf = new Map();
  for (const line of readFileSync(effects, "utf8").split("\n").filter(Boolean)) {
    const [batchId, taskId, attempt] = line.split(" ");
    const task = `${batchId} ${taskId}`;
    attemptsOf.set(task, [...(attemptsOf.get(task) ?? []), Number(attempt)]);
  }
  truncateSync(effects);
  return attemptsOf;
}

/** The effect of a task is a line, appended by one write. */
function writeWorkflow() {
  mkdirSync(environment.BATON_WORKFLOWS);
  writeFileSync(effects, "");
  writeFileSync(
    join(environment.BATON_WORKFLOWS, "soak.mjs"),
    `
import { appendFileSync } from "node:fs";
import { workflow } from "baton-dag";
const effect = ({ batchId, taskId, attempt }) => {
  appendFileSync(${JSON.stringify(effects)}, [batchId, taskId, attempt].join(" ") + "\\n");
  return attempt;
};
const upper = ["u0", "u1", "u2", "u3"];
const lower = ["l0", "l1", "l2", "l3"];
let built = workflow("soak").task("first", effect);
for (const id of upper) built = built.task(id, effect, { after: ["first"] });
for (const id of lower) built = built.task(id, effect, { after: upper });
export default built.task("last", effect, { after: lower });
`,
  );
}

function report() {
  const violations = segments.flatMap((segment) => segment.violations);
  if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), segments }));
  else {
    console.log(
      `Baton ${thisCheckout().name}, durability ${values.durability}, ${values.minutes} minutes of load.`,
    );
    console.log(`${machine()}; load average ${loadBefore} before, ${load()} after.\n`);
    const columns = [
      ["batches", "batches"],
      ["batches/s", "batchesPerSecond"],
      ["kills", "kills"],
      ["tasks repeated", "repeatedTasks"],
      ["batches that waited at its end", "waiting"],
      ["seconds until all had ended", "drainSeconds"],
      ["MB of the survivor: median", "medianMegabytes"],
      ["peak", "peakMegabytes"],
      ["MB of the file", "fileMegabytes"],
    ];
    const rows = segments.map((segment, index) => [
      index + 1,
      ...columns.map(([, key]) => (Number.isInteger(segment[key]) ? segment[key] : figure(segment[key]))),
      segment.violations.length,
    ]);
    console.log(table(["segment", ...columns.map(([head]) => head), "violations"], rows));
    for (const violation of violations.slice(0, 50)) console.log(`- ${violation}`);
  }
  process.exit(violations.length > 0 ? 1 : 0);
}
