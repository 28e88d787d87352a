import { expect, test } from "vitest";
import { PowerBiService } from "../../src/adapters/power-bi/power-bi.ts";
import type { JsonObject, JsonValue } from "../../src/core/values/json.ts";
import type { CancelContext } from "../../src/runtime/task-type.ts";
import type { PowerBiRefreshParameters } from "../../src/tasks/power-bi-refresh.ts";
import { powerBiRefreshType } from "../../src/tasks/power-bi-refresh.ts";
import type { PowerBiServer } from "../servers/power-bi/server.ts";
import { dataset, powerBiServer, principal, workspace } from "./power-bi-place.ts";
import { onlyService, RecordingLogger } from "./remote-app.ts";

/** The task's own cancelling, with what its steps have stored. */
async function cancelWith(
  server: PowerBiServer,
  steps: JsonObject,
  given: Partial<PowerBiRefreshParameters> = { type: "Full" },
): Promise<void> {
  const stored = new Map<string, JsonValue>(Object.entries(steps));
  const options = { ...principal, apiEndpoint: server.url, authority: server.url };
  const context: CancelContext = {
    batchId: "batch",
    taskId: "report",
    idempotencyKey: "batch/report",
    log: new RecordingLogger(),
    stored: async (step) => stored.get(step),
    services: onlyService({ powerBi: new PowerBiService(options) }),
  };
  const parameters = powerBiRefreshType.parameters.parse({ workspace, dataset, ...given });
  await powerBiRefreshType.cancel?.(context, parameters);
}

test("cancelling ends the enhanced refresh that the task has started", async () => {
  const server = await powerBiServer({ ending: null });
  const refresh = server.dataset.start({ type: "Full" });
  if (typeof refresh === "string") throw new Error(refresh);
  await cancelWith(server, {});
  expect(refresh.status).toBe("Unknown");
  const chosen = { id: refresh.requestId, adopted: false, isOurs: true };
  const steps = { "intent 1": { known: [] }, "refresh 1": chosen };
  await cancelWith(server, steps);
  await cancelWith(server, steps);
  expect(refresh.status).toBe("Cancelled");
});

test("a cancel ignores refreshes of other programs, and refreshes that are not enhanced", async () => {
  const server = await powerBiServer({ ending: null });
  const refresh = server.dataset.start({ type: "Full" });
  if (typeof refresh === "string") throw new Error(refresh);
  const chosen = { id: refresh.requestId, adopted: true, isOurs: false };
  await cancelWith(server, { "intent 1": { known: [], running: refresh.requestId } });
  await cancelWith(server, { "intent 1": { known: [] }, "refresh 1": chosen });
  // It began after the intent was stored. The answer to the task's own request was lost, or there was no request.
  await cancelWith(server, { "intent 1": { known: [] } });
  await cancelWith(server, { "intent 1": { known: [] }, "refresh 1": { ...chosen, adopted: false } });
  await cancelWith(server, { "intent 1": { known: [] } }, {});
  expect(refresh.status).toBe("Unknown");
});
