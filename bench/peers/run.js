// Baton and its peers on the same workloads, in turns: `node bench/peers/run.js`.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  dataFolder,
  figure,
  helpOn,
  load,
  machine,
  measured,
  median,
  numberOption,
  ratio,
  table,
} from "../machine.js";
import { thisCheckout } from "../revision.js";
import { workloadNamed, workloads } from "../workloads.js";
import { redisServer } from "./redis-server.js";

const help = `
npm run build && node bench/peers/run.js [options]

Measures Baton, BullMQ (with redis-server or valkey-server of the PATH, or REDIS_SERVER), openworkflow on SQLite, and
SQLite alone, each in a process of its own, in turns. Prints Markdown tables of the medians. The first run installs the
peers in bench/peers/node_modules.

  --workloads W1,W2   default: ${Object.keys(workloads).join(",")}
  --pairs 4           processes of each
  --rounds 6          rounds of each process; the first, cold one is not counted
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    workloads: { type: "string", default: Object.keys(workloads).join(",") },
    pairs: { type: "string", default: "4" },
    rounds: { type: "string", default: "6" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

/** `durable`: an acknowledged write survives a power cut. */
const subjects = [
  { name: "SQLite alone, full", program: "floor.js", options: { durability: "full" } },
  { name: "Baton full", program: "measure.js", options: { durability: "full" }, isBaton: true },
  { name: "Baton normal", program: "measure.js", options: { durability: "normal" }, isBaton: true },
  { name: "BullMQ always", program: "peers/bullmq.js", options: { sync: "always" }, durable: true },
  { name: "BullMQ everysec", program: "peers/bullmq.js", options: { sync: "everysec" } },
  { name: "openworkflow", program: "peers/openworkflow.js", options: {}, durable: true },
].filter(({ program }) => program !== "peers/bullmq.js" || redisServer() !== undefined);
if (!redisServer())
  console.error("BullMQ is left out: there is no redis-server or valkey-server on the PATH");

const pairs = numberOption(values, "pairs");
const rounds = numberOption(values, "rounds", 2);
const names = values.workloads.split(",");
for (const name of names) workloadNamed(name);
install();
const versions = Object.entries(JSON.parse(readHere("package.json")).dependencies);
const samples = names.flatMap((workload) => subjects.map(({ name }) => ({ workload, name, runs: [] })));
const loadBefore = load();
for (let pair = 0; pair < pairs; pair++)
  for (const workload of names)
    for (const { name, program, options } of subjects) {
      const run = measured(program, { ...options, workload, rounds, "warm-up": 0 });
      runsOf(workload, name).push(run);
      console.error(`pair ${pair + 1} ${workload} ${name}: ${figure(run.tasksPerSecond)} tasks/s`);
    }

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples }));
else {
  const peers = versions.map(([name, version]) => `${name} ${version}`).join(", ");
  console.log(
    `Baton ${thisCheckout().name}, ${peers}; ${pairs} processes each in turns, ${rounds} rounds; medians.`,
  );
  console.log(`${machine()}; data in ${dataFolder()}; load average ${loadBefore} before, ${load()} after.\n`);
  printTable("tasks/s", "tasksPerSecond");
  printTable("processor µs a task, server included", "microsecondsPerTask");
  printTable("peak MB, server included", "peakMegabytes");
  console.log(
    table(
      ["ratio of tasks/s", ...names.map(title)],
      [
        ["Baton full ÷ best durable peer", ...names.map((name) => ratioToBest(name))],
        [
          "SQLite alone ÷ Baton full",
          ...names.map((name) => ratio(speed(name, "SQLite alone, full"), speed(name, "Baton full"))),
        ],
      ],
    ),
  );
}

function printTable(head, key) {
  const rows = subjects.map(({ name }) => [
    name,
    ...names.map((workload) => figure(medianOf(workload, name, key))),
  ]);
  console.log(`${table([head, ...names.map(title)], rows)}\n`);
}

function ratioToBest(workload) {
  const peers = subjects.filter(({ durable }) => durable).map(({ name }) => speed(workload, name));
  return ratio(speed(workload, "Baton full"), Math.max(...peers));
}

function speed(workload, name) {
  return medianOf(workload, name, "tasksPerSecond");
}

function title(name) {
  const { title } = workloadNamed(name);
  return workloads[name] ? `${name} ${title}` : title;
}

function runsOf(workload, name) {
  return samples.find((sample) => sample.workload === workload && sample.name === name).runs;
}

function medianOf(workload, name, key) {
  return median(runsOf(workload, name).map((run) => run[key]));
}

function readHere(name) {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

/** Installs the pinned versions, unless exactly these are installed. npm keeps a copy of the lock of what it installs. */
function install() {
  const installed = new URL("node_modules/.package-lock.json", import.meta.url);
  const versionsIn = (lock) =>
    Object.entries(JSON.parse(lock).packages)
      .filter(([name, { optional }]) => name !== "" && !optional)
      .map(([name, { version }]) => `${name} ${version}`)
      .toSorted()
      .join();
  if (
    existsSync(installed) &&
    versionsIn(readFileSync(installed, "utf8")) === versionsIn(readHere("package-lock.json"))
  )
    return;
  const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const { status } = spawnSync("npm", words, { cwd, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("The peers can't be installed: see above");
}
