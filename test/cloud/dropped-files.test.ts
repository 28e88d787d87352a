import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { App } from "../../src/app/app.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import { archiveFile, FileDropped, fileDrop, loadFile, workflow } from "../../src/index.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { temporaryFolder, testApp } from "../support/app.ts";
import { cloudInProcess } from "./in-process.ts";
import { inboxBucket } from "./world.ts";

interface Place {
  readonly app: App;
  readonly drop: (object: string, content: string) => Promise<void>;
  readonly files: () => Promise<readonly string[]>;
}

async function embedded(workflows: readonly BuiltWorkflow[]): Promise<Place> {
  const app = testApp({ workflows, environment: { BATON_INBOX_QUIET: "100ms" } });
  const { folder } = app.configuration.inbox;
  app.work.start();
  await app.inbox.start();
  const elsewhere = temporaryFolder();
  return {
    app,
    async drop(object, content) {
      await writeFile(join(elsewhere, "whole"), content);
      await mkdir(dirname(join(folder, object)), { recursive: true });
      await rename(join(elsewhere, "whole"), join(folder, object));
    },
    async files() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const found = entries.filter((entry) => entry.isFile());
      return found.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
    },
  };
}

async function cloud(workflows: readonly BuiltWorkflow[]): Promise<Place> {
  const { app, storage } = await cloudInProcess(workflows, { bigQuery: true });
  return {
    app,
    async drop(object, content) {
      storage.put(inboxBucket, object, Buffer.from(content), "text/csv");
    },
    files: async () =>
      storage
        .objects(inboxBucket)
        .map(({ name }) => String(name))
        .sort(),
  };
}

const until = <T>(assertion: () => Promise<T>) => vi.waitFor(assertion, { timeout: 300_000, interval: 100 });

async function ended(app: App, batches: number): Promise<readonly BatchView[]> {
  const listed = await until(async () => {
    const all = await app.engine.admin.list({});
    expect(all.map(({ status }) => status)).not.toContain("RUNNING");
    expect(all).toHaveLength(batches);
    return all;
  });
  return Promise.all(listed.map(({ batchId }) => app.engine.admin.show(batchId)));
}

const options = { input: FileDropped, on: [fileDrop("sales/*.csv")] };
const retry = { maxAttempts: 20, initial: "1s", factor: 1 } as const;

describe.each([
  ["embedded", embedded],
  ["cloud", cloud],
])("%s engine", (_engine, open) => {
  test("a drop that one workflow archives is found by the others that it has started", async () => {
    const archived = Promise.withResolvers<void>();
    const wait = () => archived.promise;
    const place = await open([
      workflow("first", options).task("archive", archiveFile({ to: "archive/" })),
      workflow("second", options)
        .task("wait", wait)
        .task("load", loadFile({ table: "sales" }), { after: ["wait"], retry }),
      workflow("third", options)
        .task("wait", wait)
        .task(
          "read",
          async ({ input, services: { objects } }) => new TextDecoder().decode(await objects.read(input)),
          { after: ["wait"], retry },
        ),
      workflow("fourth", options)
        .task("wait", wait)
        .task("archive", archiveFile({ to: "done/" }), { after: ["wait"], retry }),
    ]);
    await place.drop("sales/a.csv", "id\n1\n2\n");
    await until(async () => expect(await place.files()).toEqual(["archive/sales/a.csv"]));
    archived.resolve();
    const views = await ended(place.app, 4);
    expect(views.map(({ workflowId, status }) => [workflowId, status]).sort()).toEqual([
      ["first", "SUCCESS"],
      ["fourth", "SUCCESS"],
      ["second", "SUCCESS"],
      ["third", "SUCCESS"],
    ]);
    const taskOf = (workflowId: string) =>
      views.find((view) => view.workflowId === workflowId)?.tasks.find(({ taskId }) => taskId !== "wait");
    expect(taskOf("second")?.result).toMatchObject({ rows: 2 });
    expect(taskOf("third")?.result).toBe("id\n1\n2\n");
    expect(taskOf("fourth")?.result).toMatchObject({ object: "archive/sales/a.csv" });
    expect(taskOf("fourth")?.report.warnings).toEqual([expect.stringContaining("archive/sales/a.csv")]);
    expect(await place.files()).toEqual(["archive/sales/a.csv"]);
  });

  test("the same bytes again, under the same name, start a batch of their own", async () => {
    const place = await open([workflow("sales", options).task("archive", archiveFile({ to: "archive/" }))]);
    await place.drop("sales/a.csv", "id\n1\n");
    await ended(place.app, 1);
    await place.drop("sales/a.csv", "id\n1\n");
    const views = await ended(place.app, 2);
    expect(views.map(({ status }) => status)).toEqual(["SUCCESS", "SUCCESS"]);
  });
});

test("a file that another workflow is archiving is asked for again, until that says where it is", async () => {
  const settle = Promise.withResolvers<void>();
  const loadAfter = workflow("second", options)
    .task("moved", async ({ services: { objects }, input }) => {
      const { bucket, object } = input;
      await until(() => expect(objects.stat({ bucket, object })).rejects.toThrow());
    })
    .task("load", loadFile({ table: "sales" }), { after: ["moved"], retry });
  const app = testApp({
    workflows: [workflow("first", options).task("archive", archiveFile({ to: "archive/" })), loadAfter],
    environment: { BATON_INBOX_QUIET: "100ms" },
    around: (dependencies) => ({
      ...dependencies,
      runner: {
        customKey: (call) => dependencies.runner.customKey(call),
        condition: (call) => dependencies.runner.condition(call),
        cancel: (cancelled) => dependencies.runner.cancel(cancelled),
        async run(assignment) {
          const outcome = await dependencies.runner.run(assignment);
          if (assignment.task.type === "archiveFile") await settle.promise;
          return outcome;
        },
      },
    }),
  });
  await mkdir(join(app.configuration.inbox.folder, "sales"), { recursive: true });
  await writeFile(join(app.configuration.inbox.folder, "sales/a.csv"), "id\n1\n");
  app.work.start();
  await app.inbox.start();
  await until(async () => {
    const [batch] = (await app.engine.admin.list({})).filter(({ workflowId }) => workflowId === "second");
    const view = await app.engine.admin.show(batch?.batchId ?? "");
    const load = view.tasks.find(({ taskId }) => taskId === "load");
    expect(load?.error?.code).toBe("FILE_BEING_MOVED");
  });
  settle.resolve();
  const views = await ended(app, 2);
  expect(views.map(({ status }) => status)).toEqual(["SUCCESS", "SUCCESS"]);
});
