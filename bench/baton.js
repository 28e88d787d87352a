// Opens the built Baton of any checkout, so that one program measures all revisions alike.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { leavesOf } from "./workloads.js";

const result = null;

/**
 * An embedded engine with one workflow, whose tasks do nothing or what `task` does. `run` starts `batches` batches of
 * it at once, and returns when all of them have ended and are durable. Tasks run once `work` has been called. `inputOf`
 * gives the input of the first batch, the second and so on.
 */
export async function openBaton({
  root,
  data,
  durability,
  tasks,
  batches,
  task = () => result,
  policies = {},
  inputOf = () => null,
}) {
  const { workflow } = await load(root, ["index"]);
  const { readConfiguration } = await load(root, [
    "configuration/configuration",
    "composition/configuration",
  ]);
  const { openEmbedded } = await load(root, ["app/embedded", "composition/embedded"]);
  const { createLogger } = await load(root, ["adapters/pino/logger"]);
  const leaves = leavesOf(tasks);
  const end = new EndOfTasks();
  const last = (context) => {
    end.note(context);
    return task(context);
  };
  let built = workflow("bench");
  for (const [id, after] of tasks) {
    const run = leaves.has(id) ? last : task;
    built = built.task(id, run, { ...policies, after });
  }
  const app = openEmbedded({
    configuration: readConfiguration({ BATON_DATA: data, BATON_DURABILITY: durability, BATON_SWEEP: "1h" }),
    logger: createLogger("error"),
    workflows: [built],
  });
  let starts = 0;
  const start = () => app.engine.start({ kind: "start", workflowId: "bench", input: inputOf(starts++) });
  const startBatches = (count) => Promise.all(Array.from({ length: count }, start));
  const status = async (batchId) => (await (app.engine.admin ?? app.engine).status(batchId)).status;

  return {
    tasks: tasks.length * batches,
    work: () => app.work.start(),
    startBatches,
    async run() {
      const ran = end.after(leaves.size * batches);
      const durable = unitOfWork(app.engine);
      const began = performance.now();
      const started = await startBatches(batches);
      const startMs = performance.now() - began;
      await ended(await ran);
      await durable();
      return { startMs, started };
    },
    /** Not part of a measurement. Throws if a batch has not succeeded. */
    async check({ started }) {
      for (const { batchId } of started) await ended(batchId);
    },
    close: () => app.close(),
  };

  /**
   * Called when the last task has run, so the end of its batch is a few turns of the event loop away: to poll for it
   * costs one or two reads a round.
   */
  async function ended(batchId) {
    for (;;) {
      const now = await status(batchId);
      if (now === "SUCCESS") return;
      if (now !== "RUNNING") throw new Error(`Batch ${batchId} ended ${now}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Reads the batches of a data folder that other processes work on. */
export async function openReader({ root, data }) {
  const { readConfiguration } = await load(root, [
    "configuration/configuration",
    "composition/configuration",
  ]);
  const { openEmbedded } = await load(root, ["app/embedded", "composition/embedded"]);
  const { createLogger } = await load(root, ["adapters/pino/logger"]);
  const app = openEmbedded({
    configuration: readConfiguration({ BATON_DATA: data }),
    logger: createLogger("error"),
    workflows: [],
  });
  const queries = app.engine.admin ?? app.engine;
  return {
    running: async () => (await queries.list({ status: "RUNNING" })).map(({ batchId }) => batchId),
    show: (batchId) => queries.show(batchId),
    close: () => app.close(),
  };
}

/** Resolves with the batch of the task without children that runs last. */
class EndOfTasks {
  #left = 0;
  #resolve = () => {};

  after(runs) {
    const { promise, resolve } = Promise.withResolvers();
    this.#left = runs;
    this.#resolve = resolve;
    return promise;
  }

  note(context) {
    this.#left -= 1;
    if (this.#left === 0) this.#resolve(context.batchId);
  }
}

/** Returns a function that resolves when everything written since now is durable. */
function unitOfWork(engine) {
  if (engine.begin) {
    const unit = engine.begin();
    return () => unit.durable();
  }
  const mark = engine.mark();
  return () => engine.sync(mark);
}

/** The first of these modules that the checkout has: files have moved between revisions. */
async function load(root, candidates) {
  const found = candidates.map((name) => join(root, "dist/src", `${name}.js`)).find(existsSync);
  if (!found)
    throw new Error(`${root} has none of ${candidates.join(", ")} in dist/src: run npm run build there`);
  return import(pathToFileURL(found).href);
}
