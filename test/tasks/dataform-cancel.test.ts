import { expect, test } from "vitest";
import { DataformService } from "../../src/adapters/dataform/dataform.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import type { JsonObject } from "../../src/index.ts";
import type { CancelContext } from "../../src/runtime/task-type.ts";
import { dataformType } from "../../src/tasks/dataform.ts";
import type { DataformServer } from "../servers/dataform/server.ts";
import { dataformServer, repository } from "./dataform-place.ts";
import { onlyService, RecordingLogger } from "./remote-app.ts";

/** The task's own cancelling, with what its steps have stored. */
async function cancelWith(server: DataformServer, steps: JsonObject): Promise<void> {
  const stored = new Map<string, JsonValue>(Object.entries(steps));
  const context: CancelContext = {
    batchId: "batch",
    taskId: "summarise",
    idempotencyKey: "batch/summarise",
    log: new RecordingLogger(),
    stored: async (step) => stored.get(step),
    services: onlyService({ dataform: new DataformService({ apiEndpoint: server.url }) }),
  };
  const parameters = dataformType.parameters.parse({ repository, gitCommitish: "main" });
  await dataformType.cancel?.(context, parameters);
}

test("a cancel ends the running job, stored or not, and no other", async () => {
  const server = await dataformServer({ ending: null });
  const compilations = [1, 2, 3].map(() => server.state.compile(repository, {}).name);
  const [ended, stored, unstored] = compilations.map((name) => server.state.invoke(repository, name, {}));
  if (!ended || !stored || !unstored) throw new Error("three were started");
  server.state.finish(ended.name, "FAILED");
  const [first = "", second = "", third = ""] = compilations;
  await cancelWith(server, {});
  await cancelWith(server, {
    "intent 1": { compilationResult: first, known: null },
    "invocation 1": ended.name,
  });
  expect(server.state.invocations.map(({ state }) => state)).toEqual(["FAILED", "RUNNING", "RUNNING"]);
  const steps = {
    "intent 1": { compilationResult: first, known: null },
    "invocation 1": ended.name,
    "intent 2": { compilationResult: second, known: null },
    "invocation 2": stored.name,
    "intent 3": null,
    "invocation 3": null,
    "intent 4": { compilationResult: third, known: null },
  };
  await cancelWith(server, steps);
  await cancelWith(server, steps);
  const states = server.state.invocations.map(({ state }) => state);
  expect(states[0]).toBe("FAILED");
  for (const state of states.slice(1)) expect(["CANCELING", "CANCELLED"]).toContain(state);
});
