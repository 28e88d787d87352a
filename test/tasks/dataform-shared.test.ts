import { expect, test } from "vitest";
import { DataformService } from "../../src/adapters/dataform/dataform.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import { dataform as dataformTask, workflow } from "../../src/index.ts";
import type { CancelContext } from "../../src/runtime/task-type.ts";
import { dataformType } from "../../src/tasks/dataform.ts";
import type { DataformParameters } from "../../src/tasks/dataform-parameters.ts";
import type { DataformServer, DataformServerOptions } from "../servers/dataform/server.ts";
import { runToEnd } from "../support/app.ts";
import { dataformServer, repository } from "./dataform-place.ts";
import { onlyService, onlyTask, RecordingLogger, remoteApp } from "./remote-app.ts";

const settings = {
  includedTags: ["daily"],
  includedTargets: [{ database: "shop", schema: "daily", name: "sales" }],
  serviceAccount: "runner@shop.iam.gserviceaccount.com",
} as const;

/** A server with a compilation result that others may invoke as well. */
async function shared(options: DataformServerOptions = {}) {
  const server = await dataformServer(options);
  const { name } = server.state.compile(repository, { gitCommitish: "main" });
  return { server, name };
}

function runShared(server: DataformServer, given: Partial<DataformParameters> = {}) {
  const task = dataformTask({
    repository,
    ...(given.workflowConfig === undefined && { compilationResult: "compilation-1", ...settings }),
    every: "10ms",
    ...given,
  });
  const flow = workflow("flow").task("summarise", task, { retry: { initial: "10ms" } });
  const app = remoteApp({ workflows: [flow], environment: { BATON_DATAFORM_ENDPOINT: server.url } });
  return runToEnd(app, "flow").then(onlyTask);
}

/** The first answer to an invocation is lost; something else happens at the same moment. */
function loseFirstAnswer(server: DataformServer, meanwhile: () => void): void {
  let isLost = false;
  server.setFaults(({ method }) => {
    if (isLost || method !== `POST /v1/${repository}/workflowInvocations`) return undefined;
    isLost = true;
    meanwhile();
    return { kind: "reply_lost" };
  });
}

const own = { ...settings, fullyRefreshIncrementalTablesEnabled: false, queryPriority: "INTERACTIVE" };

test.each<[string, object]>([
  ["another service account", { serviceAccount: "other@shop.iam.gserviceaccount.com" }],
  ["no service account", { serviceAccount: undefined }],
  ["dependents", { transitiveDependentsIncluded: true }],
  ["dependencies", { transitiveDependenciesIncluded: true }],
  ["another priority", { queryPriority: "BATCH" }],
  ["another database", { includedTargets: [{ database: "test", schema: "daily", name: "sales" }] }],
  ["another schema", { includedTargets: [{ database: "shop", schema: "hourly", name: "sales" }] }],
  ["other tags", { includedTags: ["hourly"] }],
  ["a full refresh", { fullyRefreshIncrementalTablesEnabled: true }],
  ["a setting that Baton does not know", { concurrentActionsLimit: 3 }],
])(
  "an invocation of the same compilation result with %s does not count as the task's own",
  async (_, other) => {
    const { server, name } = await shared();
    loseFirstAnswer(server, () => server.state.invoke(repository, name, { ...own, ...other }));
    const task = await runShared(server);
    expect(task).toMatchObject({ status: "SUCCESS", attempts: 2 });
    // The stranger's was there first; the task's own answer was lost, and it was found again.
    expect(server.state.invocations).toHaveLength(2);
    expect(task.result).toMatchObject({ invocation: server.state.invocations[1]?.name });
  },
);

test("one that a workflow configuration has made is a stranger's, too", async () => {
  const { server, name } = await shared();
  const workflowConfig = `${repository}/workflowConfigs/nightly`;
  loseFirstAnswer(server, () => server.state.invoke(repository, name, own, workflowConfig));
  const task = await runShared(server);
  expect(task.result).toMatchObject({ invocation: server.state.invocations[1]?.name });
});

test("an identical invocation is awaited, and keeps running after a timeout", async () => {
  const { server, name } = await shared({ ending: null });
  let isRefused = false;
  server.setFaults(({ method }) => {
    if (isRefused || method !== `POST /v1/${repository}/workflowInvocations`) return undefined;
    isRefused = true;
    server.state.invoke(repository, name, own);
    return { kind: "not_sent" };
  });
  const task = await runShared(server, { timeout: "100ms" });
  expect(task).toMatchObject({ status: "ERROR", error: { code: "POLL_TIMEOUT" } });
  expect(task.report.warnings.join()).toContain("b-1 is not cancelled");
  expect(server.state.invocations).toMatchObject([{ state: "RUNNING" }]);
});

test("a job that the task has started itself is cancelled on a timeout", async () => {
  const { server } = await shared({ ending: null });
  expect(await runShared(server, { timeout: "100ms" })).toMatchObject({ error: { code: "POLL_TIMEOUT" } });
  expect(server.state.invocations).toMatchObject([{ state: "CANCELING" }]);
});

test("a stranger's that was cancelled is not waited for", async () => {
  const { server, name } = await shared();
  let isRefused = false;
  server.setFaults(({ method }) => {
    if (isRefused || method !== `POST /v1/${repository}/workflowInvocations`) return undefined;
    isRefused = true;
    server.state.finish(server.state.invoke(repository, name, own).name, "CANCELLED", []);
    return { kind: "not_sent" };
  });
  const task = await runShared(server);
  expect(task).toMatchObject({ status: "SUCCESS" });
  expect(task.result).toMatchObject({ invocation: server.state.invocations[1]?.name });
});

test("a workflow configuration is invoked unchanged, and its earlier scheduled invocation is ignored", async () => {
  const { server, name } = await shared();
  const workflowConfig = `${repository}/workflowConfigs/nightly`;
  server.state.workflowConfigs.set(workflowConfig, {
    compilationResult: name,
    config: { includedTags: ["n"] },
  });
  const before = server.state.invokeWorkflow(repository, workflowConfig);
  const task = await runShared(server, { workflowConfig: "nightly" });
  expect(task).toMatchObject({
    status: "SUCCESS",
    result: { invocation: server.state.invocations[1]?.name, compilationResult: name },
  });
  expect(server.state.invocations).toHaveLength(2);
  expect(before?.state).toBe("RUNNING");
  expect(server.meter.of("dataform_compilations")).toBe(1);
});

test.each<[object, string]>([
  [{ workflowConfig: "nightly", includedTags: ["daily"] }, "has its own"],
  [{ workflowConfig: "nightly", serviceAccount: "a@b" }, "has its own"],
  [{ compilationResult: "c", codeCompilationConfig: { schemaSuffix: "x" } }, "what the task compiles"],
  [{ gitCommitish: "main", workflowConfig: "nightly" }, "Give one of"],
])("%j is refused", (given, reason) =>
  expect(() => dataformTask({ repository, ...given })).toThrow(
    expect.objectContaining({ code: "TASK_PARAMETERS_INVALID", message: expect.stringContaining(reason) }),
  ),
);

test("a cancel ends what the task has started for sure, and nothing else of a shared compilation result", async () => {
  const { server, name } = await shared({ ending: null });
  const [made, adopted, earlier, unstored] = [1, 2, 3, 4].map(() =>
    server.state.invoke(repository, name, own),
  );
  const intent = { compilationResult: name, known: [] };
  const steps = new Map<string, JsonValue>([
    ["intent 1", intent],
    ["invocation 1", { name: made?.name ?? "", isOurs: true }],
    ["intent 2", intent],
    ["invocation 2", { name: adopted?.name ?? "", isOurs: false }],
    // Of an earlier version.
    ["intent 3", intent],
    ["invocation 3", earlier?.name ?? ""],
    ["intent 4", intent],
  ]);
  const log = new RecordingLogger();
  const context: CancelContext = {
    batchId: "batch",
    taskId: "summarise",
    idempotencyKey: "batch/summarise",
    log,
    stored: async (step) => steps.get(step),
    services: onlyService({ dataform: new DataformService({ apiEndpoint: server.url }) }),
  };
  const parameters = dataformType.parameters.parse({
    repository,
    compilationResult: "compilation-1",
    ...settings,
  });
  await dataformType.cancel?.(context, parameters);
  expect(made?.state).toBe("CANCELING");
  expect([adopted, earlier, unstored].map((one) => one?.state)).toEqual(["RUNNING", "RUNNING", "RUNNING"]);
  expect(log.text).toContain("is not cancelled");
});
