// What Google bills for batches of several shapes, counted by local servers that speak the wire protocols of its services,
// and what that comes to for a million tasks. Run: node bench/cloud-bill.js
import { openCloud } from "../src/app/cloud.ts";
import { readConfiguration } from "../src/configuration/configuration.ts";
import { createHttpHandler } from "../src/entry/http-handler.ts";
import { serveHttp } from "../src/entry/http-server.ts";
import { startCloud } from "../test/cloud/world.ts";
import { workflowOf } from "../test/support/graphs.ts";

/** Dollars, list prices of us-central1 without free tiers; where they come from is in README.md. */
const prices = {
  document_reads: 0.03 / 100_000,
  document_writes: 0.09 / 100_000,
  pubSubByte: 40 / 2 ** 40,
  task_operations: 0.4 / 1_000_000,
  pushes: 0.4 / 1_000_000,
};

const names = (prefix, count) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** In layers, each task of which waits for all of the layer before. */
const layers = (...widths) =>
  widths.flatMap((width, layer) =>
    names(`l${layer}_`, width).map((id) => [
      id,
      layer === 0 ? [] : names(`l${layer - 1}_`, widths[layer - 1] ?? 0),
    ]),
  );

const shapes = {
  "chain of 100": layers(...names("", 100).map(() => 1)),
  "1 → 100 → 1": layers(1, 100, 1),
  "ten-task diamond": layers(1, 8, 1),
  "one task": layers(1),
  "five tasks, each of which sleeps once": layers(1, 1, 1, 1, 1),
};

const silent = { debug() {}, info() {}, warn() {}, error() {} };

console.log(
  "| completions | shape | tasks | documents written | documents read | messages | invocations | scheduled | dollars a million tasks |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
for (const completions of ["published", "inline"])
  for (const [title, edges] of Object.entries(shapes))
    console.log(`| ${completions} ${row(title, edges.length, await bill(title, edges, completions))}`);

/** Every answer of a service takes as long, so that the figure counts hops more than it measures the machine. */
const answerMs = 20;
const rounds = 5;
console.log(`\nmilliseconds an edge of a chain of 20, every answer of a service after ${answerMs} ms:`);
const slowChain = layers(...names("", 20).map(() => 1));
const latencies = { published: [], inline: [] };
for (let round = 0; round < rounds; round++)
  for (const completions of ["published", "inline"])
    latencies[completions].push(await latency(slowChain, completions));
for (const [completions, figures] of Object.entries(latencies))
  console.log(
    `${completions}: ${figures.sort((one, other) => one - other)[Math.floor(rounds / 2)].toFixed(0)}`,
  );

async function latency(edges, completions) {
  const { cloud, run, close } = await open("chain", edges, completions);
  await run();
  cloud.setFaults(() => ({ kind: "slow", delayMs: answerMs }));
  const began = performance.now();
  await run();
  const elapsedMs = performance.now() - began;
  await close();
  return elapsedMs / edges.length;
}

async function bill(title, edges, completions) {
  const { cloud, run, close } = await open(title, edges, completions);
  // What is done once for a deployment, not for each batch.
  await run();
  const meters = [cloud.firestore, cloud.pubsub, cloud.tasks].map(({ meter }) => meter);
  for (const meter of meters) meter.reset();
  await run();
  const counts = Object.assign({}, ...meters.map((meter) => meter.all()));
  await close();
  return counts;
}

async function open(title, edges, completions) {
  const port = 18_000 + Math.floor(Math.random() * 10_000);
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  const sleeps = title.includes("sleeps");
  const work = async ({ step }) => (sleeps ? step.sleep("nap", "1s") : null);
  const configuration = readConfiguration({
    ...cloud.environment,
    BATON_LEASE: "60s",
    BATON_COMPLETIONS: completions,
  });
  const app = openCloud({ configuration, logger: silent, workflows: [workflowOf("shape", edges, work)] });
  const server = await serveHttp(createHttpHandler(app.deliveries, silent, app.trust), {
    port,
    host: "127.0.0.1",
  });
  const run = async () => {
    await app.engine.start({ kind: "start", workflowId: "shape" });
    await cloud.idle();
  };
  const close = async () => {
    await server.close();
    await app.close();
    await cloud.close();
  };
  return { cloud, run, close };
}

function row(title, tasks, counts) {
  const of = (name) => counts[name] ?? 0;
  const perTask = (name) => (of(name) / tasks).toFixed(2);
  const scheduled = of("tasks_created") + of("task_dispatches");
  const dollars =
    (of("document_reads") * prices.document_reads +
      of("document_writes") * prices.document_writes +
      (of("published_bytes") + of("delivered_bytes")) * prices.pubSubByte +
      scheduled * prices.task_operations +
      of("pushes") * prices.pushes) /
    tasks;
  const cells = [
    title,
    tasks,
    perTask("document_writes"),
    perTask("document_reads"),
    perTask("messages_published"),
    perTask("pushes"),
    (scheduled / tasks).toFixed(2),
    (dollars * 1_000_000).toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}
