// Fills a data folder with waiting batches, or works them off, in this process; see backlog.js.
import { parseArgs } from "node:util";
import { openBaton } from "./baton.js";
import { workloadNamed } from "./workloads.js";

const { values } = parseArgs({
  options: {
    phase: { type: "string" },
    root: { type: "string" },
    data: { type: "string" },
    batches: { type: "string" },
    durability: { type: "string" },
  },
});
const batches = Number(values.batches);
/** Starts at once, so that the file fills up and memory does not. */
const startsAtOnce = 1_000;
const { tasks } = workloadNamed("diamonds:1");
const lastTask = tasks.at(-1)[0];
let began = performance.now();
const endsMs = [];
const { promise: allEnded, resolve } = Promise.withResolvers();
const baton = await openBaton({ ...values, tasks, batches: 1, task: noteEnd });
await { fill, work }[values.phase]();
await baton.close();

function noteEnd({ taskId }) {
  if (taskId !== lastTask) return null;
  endsMs.push(performance.now() - began);
  if (endsMs.length === batches) resolve();
  return null;
}

async function fill() {
  for (let left = batches; left > 0; left -= startsAtOnce)
    await baton.startBatches(Math.min(left, startsAtOnce));
  console.log(JSON.stringify({ milliseconds: performance.now() - began }));
}

async function work() {
  const usedBefore = process.cpuUsage();
  began = performance.now();
  baton.work();
  await allEnded;
  const used = process.cpuUsage(usedBefore);
  console.log(
    JSON.stringify({
      firstMs: endsMs[0],
      medianMs: endsMs[Math.floor(batches / 2)],
      lastMs: endsMs.at(-1),
      microsecondsPerTask: (used.user + used.system) / (batches * tasks.length),
      peakMegabytes: process.resourceUsage().maxRSS / 1_024,
    }),
  );
}
