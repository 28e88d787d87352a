import { expect, test } from "vitest";
import { DataformService } from "../../src/adapters/dataform/dataform.ts";
import { dataform as dataformTask, workflow } from "../../src/index.ts";
import type { DataformParameters } from "../../src/tasks/dataform-parameters.ts";
import type { DataformServer } from "../servers/dataform/server.ts";
import { type Fault, strangeFaults } from "../servers/kit/faults.ts";
import { runToEnd } from "../support/app.ts";
import { casesOfCalls } from "../support/cases-of-today.ts";
import { dataformServer, place, repository } from "./dataform-place.ts";
import { onlyTask, remoteApp } from "./remote-app.ts";

type Source = Pick<DataformParameters, "workspace" | "releaseConfig">;

const alive = ({ state }: DataformServer) =>
  state.invocations.filter((one) => one.state !== "CANCELLED" && one.state !== "CANCELING");

test("a repository is compiled and its actions run, once; the result counts them", async () => {
  const { server, run } = await place({
    repository: { project: "shop", location: "europe-west1", repository: "sales" },
    includedTags: ["daily"],
    includedTargets: [{ name: "sales" }],
    transitiveDependenciesIncluded: true,
    transitiveDependentsIncluded: true,
    queryPriority: "BATCH",
    codeCompilationConfig: { schemaSuffix: "test", vars: { day: "2026-11-30" } },
    serviceAccount: "runner@shop.iam.gserviceaccount.com",
  });
  expect(await run()).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    result: {
      invocation: `${repository}/workflowInvocations/b-1`,
      compilationResult: `${repository}/compilationResults/compilation-1`,
      actions: { succeeded: 2, disabled: 1 },
    },
  });
  expect(server.meter.all()).toEqual({ dataform_compilations: 1, dataform_invocations: 1 });
  expect(server.state.compilations[0]?.request).toEqual({
    gitCommitish: "main",
    codeCompilationConfig: { schemaSuffix: "test", vars: { day: "2026-11-30" } },
  });
  expect(server.state.invocations[0]?.config).toEqual({
    transitiveDependentsIncluded: true,
    queryPriority: "BATCH",
    includedTags: ["daily"],
    includedTargets: [{ name: "sales" }],
    transitiveDependenciesIncluded: true,
    fullyRefreshIncrementalTablesEnabled: false,
    serviceAccount: "runner@shop.iam.gserviceaccount.com",
  });
});

test.each([
  [{ workspace: "mine" }, { workspace: `${repository}/workspaces/mine` }],
  [{ releaseConfig: "production" }, { releaseConfig: `${repository}/releaseConfigs/production` }],
])("compiles %j", async (given: Source, request) => {
  const { server, run } = await place(given);
  expect(await run()).toMatchObject({ status: "SUCCESS" });
  expect(server.state.compilations[0]?.request).toEqual(request);
});

const faults: readonly (readonly [string, Fault])[] = [
  ...(["not_sent", "reply_lost", "error_after", "duplicated", "unauthenticated"] as const).map(
    (kind) => [kind, { kind }] as const,
  ),
  ...strangeFaults.map((fault) => [`answered by ${fault.answer}`, fault] as const),
];

test.each(casesOfCalls(faults))(
  "whichever call meets a fault (%s), one invocation stays, and the task succeeds",
  async (_, faultAt) => {
    let calls = Number.POSITIVE_INFINITY;
    for (let at = 0; at < calls; at += 1) {
      let seen = 0;
      const { server, run } = await place(
        {},
        {
          faults: ({ index }): Fault | undefined => {
            seen = index + 1;
            return index === at ? faultAt(at) : undefined;
          },
        },
      );
      const task = await run();
      expect(task, `call ${at}`).toMatchObject({ status: "SUCCESS" });
      expect(alive(server), `call ${at}`).toHaveLength(1);
      expect(task.result).toMatchObject({ invocation: alive(server)[0]?.name });
      if (faultAt(at).kind !== "duplicated") expect(server.state.invocations).toHaveLength(1);
      calls = seen;
    }
    expect(calls).toBeGreaterThan(6);
  },
);

test("a compilation error fails the task without a retry, and names the files", async () => {
  const { server, run } = await place();
  server.state.errors = [
    { path: "definitions/sales.sqlx", message: "Unexpected identifier" },
    ...Array.from({ length: 6 }, (_, index) => ({ path: `definitions/${index}.sqlx`, message: "broken" })),
  ];
  const task = await run();
  expect(task).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "DATAFORM_COMPILATION_FAILED", retryable: false },
  });
  expect(task.error?.message).toContain("definitions/sales.sqlx: Unexpected identifier");
  expect(task.error?.message).toContain("and 2 more");
  expect(server.state.invocations).toEqual([]);
});

const failing = {
  afterPolls: 1,
  state: "FAILED",
  actions: [
    { target: { database: "shop", schema: "daily", name: "sales" }, state: "SUCCEEDED" },
    {
      target: { database: "shop", schema: "daily", name: "totals" },
      state: "FAILED",
      failureReason: "Not found: Column revenue",
    },
    { target: { schema: "checks", name: "no_gaps" }, state: "FAILED", failureReason: "3 rows" },
    { target: { name: "report" }, state: "SKIPPED" },
  ],
};

test("a failed invocation fails the task without a retry, and the TaskLog names its actions", async () => {
  const { server, run } = await place({}, { ending: failing });
  const task = await run();
  expect(task).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "DATAFORM_FAILED" } });
  const reasons = ["shop.daily.totals: Not found: Column revenue", "checks.no_gaps: 3 rows"];
  expect(task.report.errors.slice(0, 2)).toEqual(reasons);
  for (const reason of reasons) expect(task.error?.message).toContain(reason);
  expect(server.state.invocations).toHaveLength(1);
});

test("with retryFailed each attempt compiles and invokes again, and waits for its own invocation", async () => {
  const { server, run } = await place({ retryFailed: true }, { ending: failing });
  server.setFaults(() => {
    if (server.state.invocations.length === 3) server.state.ending = { afterPolls: 0, state: "SUCCEEDED" };
    return undefined;
  });
  expect(await run()).toMatchObject({ status: "SUCCESS", attempts: 3 });
  expect(server.state.invocations.map(({ state }) => state)).toEqual(["FAILED", "FAILED", "SUCCEEDED"]);
  expect(server.state.compilations).toHaveLength(3);
});

test("an invocation that is cancelled in Dataform fails the task", async () => {
  const { run } = await place({}, { ending: { afterPolls: 1, state: "CANCELLED", actions: [] } });
  expect(await run()).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "DATAFORM_FAILED", message: expect.stringContaining("was cancelled") },
  });
});

test("an invocation that takes too long is cancelled", async () => {
  const { server, run } = await place({ timeout: "100ms" }, { ending: null });
  expect(await run()).toMatchObject({ status: "ERROR", error: { code: "POLL_TIMEOUT" } });
  expect(server.state.invocations).toMatchObject([{ state: "CANCELING" }]);
});

test("a service that is out of reach for a while as its invocation runs costs no attempt", async () => {
  const { server, run } = await place({}, {}, { retry: { maxAttempts: 1 } });
  let left = 5;
  server.setFaults(({ method }) => {
    if (!method.startsWith("GET") || !method.endsWith("workflowInvocations/b-1") || left === 0)
      return undefined;
    left -= 1;
    return { kind: "not_sent" };
  });
  expect(await run()).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(left).toBe(0);
});

test("of a compilation result that is shared, invocations from before and of another kind are left alone", async () => {
  const server = await dataformServer();
  const { name } = server.state.compile(repository, { gitCommitish: "main" });
  const before = server.state.invoke(repository, name, { includedTags: ["daily"] });
  const task = dataformTask({
    repository,
    compilationResult: "compilation-1",
    includedTags: ["daily"],
    every: "10ms",
  });
  const flow = workflow("flow").task("summarise", task, { retry: { initial: "10ms" } });
  const app = remoteApp({ workflows: [flow], environment: { BATON_DATAFORM_ENDPOINT: server.url } });
  let lost = false;
  server.setFaults(({ method }) => {
    if (lost || method !== `POST /v1/${repository}/workflowInvocations`) return undefined;
    lost = true;
    server.state.invoke(repository, name, { includedTags: ["hourly"] });
    return { kind: "reply_lost" };
  });
  const ended = onlyTask(await runToEnd(app, "flow"));
  expect(ended).toMatchObject({ status: "SUCCESS", attempts: 2 });
  expect(server.state.invocations).toHaveLength(3);
  expect(ended.result).toMatchObject({ invocation: server.state.invocations[2]?.name });
  expect(before.state).toBe("RUNNING");
});

test("a failed call does not fail the next call of its key, which starts a new invocation", async () => {
  const server = await dataformServer({ ending: failing });
  const task = dataformTask({ repository, gitCommitish: "main", every: "10ms" });
  const flow = workflow("flow").task("summarise", task, { idempotency: true });
  const app = remoteApp({ workflows: [flow], environment: { BATON_DATAFORM_ENDPOINT: server.url } });
  const first = onlyTask(await runToEnd(app, "flow"));
  server.state.ending = { afterPolls: 0, state: "SUCCEEDED" };
  const second = onlyTask(await runToEnd(app, "flow"));
  expect([first.error?.code, second.error]).toEqual(["DATAFORM_FAILED", null]);
  expect(second.result).toMatchObject({ invocation: server.state.invocations[1]?.name });
  expect(server.state.compilations).toHaveLength(2);
});

test("wrong requests and an unreachable server are reported", async () => {
  const wrong = await place({ repository: "sales" });
  expect(await wrong.run()).toMatchObject({ attempts: 1, error: { code: "TASK_PARAMETERS_INVALID" } });
  const unknown = await place({ compilationResult: "gone" });
  expect(await unknown.run()).toMatchObject({ attempts: 1, error: { code: "DATAFORM_REFUSED" } });
  const gone = await place({}, {}, { retry: { maxAttempts: 2, initial: "10ms" } });
  await gone.server.close();
  expect(await gone.run()).toMatchObject({ attempts: 2, error: { code: "DATAFORM_UNAVAILABLE" } });
});

test.each([{}, { gitCommitish: "main", workspace: "mine" }])("one source is given, not %j", (given) =>
  expect(() => dataformTask({ repository, ...given })).toThrow(
    expect.objectContaining({ code: "TASK_PARAMETERS_INVALID" }),
  ),
);

test("lists are read to their last page", async () => {
  const server = await dataformServer({ largestPage: 2, ending: null });
  const { name } = server.state.compile(repository, {});
  const other = server.state.compile(repository, {}).name;
  for (let index = 0; index < 5; index += 1) server.state.invoke(repository, index === 2 ? other : name, {});
  const service = new DataformService({ apiEndpoint: server.url });
  const found = await service.invocations(repository, new AbortController().signal);
  expect(found.map(({ name: one }) => one.split("-").at(-1))).toEqual(["1", "2", "3", "4", "5"]);
});
