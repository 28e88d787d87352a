// A worker process that kills itself: at the KILL_AT-th crossing between the engine and its ports, or never.
import { appendFileSync } from "node:fs";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { readConfiguration } from "../../src/composition/configuration.ts";
import { openEmbedded } from "../../src/composition/embedded.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { workflowOf } from "../support/graphs.ts";
import { shapes } from "./shapes.ts";

const { RUNS_FILE = "", KILL_AT = "0", SHAPE = "diamond", KEYS = "only", TASK_MS = "0" } = process.env;
const killAt = Number(KILL_AT);
const crossings: string[] = [];

function crossing(name: string): void {
  crossings.push(name);
  if (crossings.length !== killAt) return;
  process.kill(process.pid, "SIGKILL");
  // Nothing may happen between the kill and the death.
  for (;;);
}

/** Every call of a port is two crossings: before it, and after its answer. */
function watched<Port extends object>(portName: string, port: Port): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...parameters: unknown[]) => {
        crossing(`before ${portName}.${String(name)}`);
        const answer: unknown = Reflect.apply(member, target, parameters);
        if (!(answer instanceof Promise)) return answer;
        return answer.then((value: unknown) => {
          crossing(`after ${portName}.${String(name)}`);
          return value;
        });
      };
    },
  });
}

const around = (dependencies: Dependencies): Dependencies => ({
  ...dependencies,
  store: watched("store", dependencies.store),
  broker: watched("broker", dependencies.broker),
  timer: watched("timer", dependencies.timer),
  runner: watched("runner", dependencies.runner),
});

const graph = workflowOf("graph", shapes[SHAPE] ?? [], async ({ batchId, taskId, attempt }) => {
  appendFileSync(RUNS_FILE, `${batchId} ${taskId} ${attempt}\n`);
  await new Promise((resolve) => setTimeout(resolve, Number(TASK_MS)));
  return { attempt };
});

const app = openEmbedded({
  configuration: readConfiguration({ BATON_LEASE: "300ms", BATON_SWEEP: "100ms", ...process.env }),
  logger: createLogger("silent"),
  workflows: [graph],
  around,
});
const keys = KEYS.split(",");
const started = await Promise.all(
  keys.map((key) => app.engine.start({ kind: "start", workflowId: "graph", key })),
);
app.work.start();
for (const { batchId } of started)
  while ((await app.engine.status(batchId)).status === "RUNNING")
    await new Promise((resolve) => setTimeout(resolve, 10));
const views = await Promise.all(started.map(({ batchId }) => app.engine.show(batchId)));
process.stdout.write(JSON.stringify({ crossings, views }));
await app.close();
