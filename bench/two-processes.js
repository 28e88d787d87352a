// One and two servers on one file: `node bench/two-processes.js`.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  dataFolder,
  figure,
  helpOn,
  load,
  machine,
  median,
  numberOption,
  table,
  temporaryFolder,
} from "./machine.js";
import { processorMs } from "./processes.js";
import { builtRevision, packageName, thisCheckout } from "./revision.js";
import { inFlight, postStart, startServer } from "./servers.js";

const help = `
npm run build && node bench/two-processes.js [--against REVISION] [options]

Starts batches of two tasks by HTTP on one and on two \`baton start\` processes that share a data folder. Prints
batches a second until the last one has ended, the time of a POST, the time from the POST to the end of the batch, and
the servers' processor time. The revisions and numbers of servers take turns. Medians of the runs.

  --against REVISION  a git revision, or the folder of a built checkout
  --in-flight 1,8,32  posts at once
  --batches 2000      batches of each measurement
  --pairs 3           runs of each revision
  --durability full   or normal
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    "in-flight": { type: "string", default: "1,8,32" },
    batches: { type: "string", default: "2000" },
    pairs: { type: "string", default: "3" },
    durability: { type: "string", default: "full" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

/** The package had another name before. */
const workflowFor = (root) => `
import { workflow } from ${JSON.stringify(packageName(root))};
export default workflow("tiny").task("one", () => 1).task("two", () => 2, { after: ["one"] });
`;
const batches = numberOption(values, "batches");
const levels = values["in-flight"].split(",").map(Number);
const revisions = [...(values.against === undefined ? [] : [builtRevision(values.against)]), thisCheckout()];
const rows = levels.flatMap((atOnce) =>
  revisions.flatMap((revision) => [1, 2].map((servers) => ({ ...revision, servers, atOnce, runs: [] }))),
);
const place = temporaryFolder();
const loadBefore = load();
for (let pair = 0; pair < numberOption(values, "pairs"); pair++)
  for (const row of rows) {
    row.runs.push(await measure(row));
    const { batchesPerSecond } = row.runs.at(-1);
    console.error(
      `pair ${pair + 1} ${row.name}, ${row.servers} servers, ${row.atOnce} in flight: ` +
        `${figure(batchesPerSecond)} batches/s`,
    );
  }

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples: rows }));
else {
  console.log(
    `Durability ${values.durability}, ${batches} batches a measurement, ${values.pairs} in turns, medians.`,
  );
  console.log(`${machine()}; data in ${dataFolder()}; load average ${loadBefore} before, ${load()} after.\n`);
  const columns = ["postMs50", "postMs99", "doneMs50", "doneMs99", "processorMs"];
  console.log(
    table(
      [
        "in flight",
        "revision",
        "servers",
        "batches/s",
        "÷ one server",
        "POST ms p50",
        "p99",
        "done ms p50",
        "p99",
        "processor ms a batch",
      ],
      rows.map((row) => {
        const one = rows.find((other) => other.name === row.name && other.atOnce === row.atOnce);
        const speed = medianOf(row, "batchesPerSecond");
        return [
          row.atOnce,
          row.name,
          row.servers,
          figure(speed),
          `${(speed / medianOf(one, "batchesPerSecond")).toFixed(2)} ×`,
          ...columns.map((key) => figure(medianOf(row, key))),
        ];
      }),
    ),
  );
}

function medianOf({ runs }, key) {
  return median(runs.map((run) => run[key]));
}

async function measure({ root, servers: count, atOnce }) {
  const folder = mkdtempSync(join(place, "data-"));
  const environment = {
    BATON_DATA: join(folder, "data"),
    BATON_WORKFLOWS: join(folder, "workflows"),
    BATON_DURABILITY: values.durability,
    BATON_LOG_LEVEL: "error",
  };
  mkdirSync(environment.BATON_WORKFLOWS);
  writeFileSync(join(environment.BATON_WORKFLOWS, "tiny.mjs"), workflowFor(root));
  const servers = [];
  try {
    for (let index = 0; index < count; index++) servers.push(await startServer(root, folder, environment));
    // The first batch stores the definition and compiles the code.
    await inFlight(100 * count, atOnce, (index) =>
      postStart(servers[index % count].url, { workflowId: "tiny" }),
    );
    await allEnded(root, folder, environment);
    return await measureBatches({ root, folder, environment, servers, atOnce });
  } finally {
    for (const server of servers) server.kill("SIGTERM");
    await Promise.all(servers.map((server) => server.exited));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureBatches({ root, folder, environment, servers, atOnce }) {
  const used = () => servers.reduce((sum, { pid }) => sum + processorMs(pid), 0);
  const usedBefore = used();
  const posts = new Map();
  const began = Date.now();
  await inFlight(batches, atOnce, async (index) => {
    const postedAt = Date.now();
    const sent = performance.now();
    const { batchId } = await postStart(servers[index % servers.length].url, { workflowId: "tiny" });
    posts.set(batchId, { postedAt, postMs: performance.now() - sent });
  });
  const ends = await allEnded(root, folder, environment);
  const usedMs = used() - usedBefore;
  const lastEnd = Math.max(...[...posts.keys()].map((batchId) => ends.get(batchId)));
  const postMs = [...posts.values()].map((post) => post.postMs);
  const doneMs = [...posts].map(([batchId, { postedAt }]) => ends.get(batchId) - postedAt);
  return {
    batchesPerSecond: (batches * 1_000) / (lastEnd - began),
    postMs50: percentile(postMs, 0.5),
    postMs99: percentile(postMs, 0.99),
    doneMs50: percentile(doneMs, 0.5),
    doneMs99: percentile(doneMs, 0.99),
    processorMs: usedMs / batches,
  };
}

/** Waits until all batches have ended. Returns when each did. */
async function allEnded(root, folder, environment) {
  for (;;) {
    await setTimeout(500);
    const words = [join(root, "bin/baton.js"), "batches", "--limit", String(10 * batches + 1_000), "--json"];
    const output = execFileSync(process.execPath, words, {
      cwd: folder,
      env: { ...process.env, ...environment },
      encoding: "utf8",
      maxBuffer: 1e9,
    });
    const found = JSON.parse(output);
    if (found.every(({ status }) => status === "SUCCESS"))
      return new Map(found.map(({ batchId, endedAt }) => [batchId, Date.parse(endedAt)]));
    const failed = found.find(({ status }) => status !== "RUNNING" && status !== "SUCCESS");
    if (failed) throw new Error(`Batch ${failed.batchId} ended ${failed.status}`);
  }
}

function percentile(samples, share) {
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
