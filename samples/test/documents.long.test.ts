import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import { retryDelayMs } from "../../src/core/retry.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { runToEnd, statuses, temporaryFolder, testApp, untilEnded } from "../../test/support/app.ts";
import { firstTime } from "../../test/support/faults.ts";
import { textOfDocument } from "../lib/text-of-document.ts";
import { withChunkTable } from "../lib/with-chunk-table.ts";
import {
  cleanupOldData,
  generateAnalyticsReport,
  processDocument,
  sendNotification,
} from "../workflows/documents.ts";
import { hurried } from "./hurried.ts";
import { sampleSite } from "./sample-site.ts";

const samples = fileURLToPath(new URL("../data/documents/", import.meta.url));
const handbook = { document_id: "handbook", file: "handbook.pdf" };

interface Place {
  readonly app: EmbeddedApp;
  readonly data: string;
  /** How often code was run. */
  readonly runs: () => number;
}

/** An app with the sample documents in its inbox. `afterRun` looks at a run of code before its outcome is stored. */
function documentsApp(afterRun: () => void = () => undefined): Place {
  const data = temporaryFolder();
  vi.stubEnv("BATON_DATA", data);
  onTestFinished(() => void vi.unstubAllEnvs());
  mkdirSync(`${data}/inbox`);
  for (const file of ["handbook.pdf", "tasting-notes.txt", "release-plan.md"])
    copyFileSync(`${samples}${file}`, `${data}/inbox/${file}`);
  let runs = 0;
  const around = (plain: Dependencies): Dependencies => ({
    ...plain,
    runner: {
      run: async (assignment) => {
        runs += 1;
        const outcome = await plain.runner.run(assignment);
        try {
          afterRun();
          return outcome;
        } catch (error) {
          const message = String(error);
          return { kind: "failed", error: { code: "INJECTED", message, retryable: true }, notes: null };
        }
      },
      customKey: (call) => plain.runner.customKey(call),
      cancel: (cancelled) => plain.runner.cancel(cancelled),
    },
  });
  const workflows = [processDocument, sendNotification, cleanupOldData, generateAnalyticsReport].map(hurried);
  const app = testApp({ data, workflows, around, environment: { BATON_HTTP_ALLOW_PRIVATE: "true" } });
  return { app, data, runs: () => runs };
}

const taskOf = (view: BatchView) => view.tasks[0];
const documents = () => withChunkTable((table) => table.documents());

function textsOf(data: string, documentId: string): string[] {
  const database = new DatabaseSync(`${data}/chunks.sqlite`);
  const rows = database
    .prepare("SELECT text FROM chunks WHERE document_id = ? ORDER BY position")
    .all(documentId);
  database.close();
  return rows.map(({ text }) => String(text));
}

function policyOf(workflow: BuiltWorkflow) {
  const [task] = workflow.definition.tasks;
  const waits = [1, 2, 3].map((failures) => task && retryDelayMs(task.retry, failures, 0));
  return { ...task?.retry, waits, queue: task?.queue, ttl: task?.idempotency?.ttlSeconds };
}

test("each task has its queue, its attempts and their waits, and keeps its result for its time", () => {
  expect(policyOf(processDocument)).toMatchObject({
    maxAttempts: 4,
    initialSeconds: 60,
    factor: 2,
    waits: [60_000, 120_000, 240_000],
    queue: "documents",
    ttl: 3_600,
  });
  expect(policyOf(sendNotification)).toMatchObject({
    waits: [30_000, 60_000, 120_000],
    queue: "notifications",
  });
  expect(policyOf(cleanupOldData)).toMatchObject({ maxAttempts: 3 });
  expect(policyOf(generateAnalyticsReport)).toMatchObject({ ttl: 3_600 });
});

test("the text of a PDF becomes chunks that overlap, and nothing of it is lost", async () => {
  const { app, data } = documentsApp();
  const task = taskOf(await runToEnd(app, "process_document", handbook));
  expect(task).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    result: { document_id: "handbook", kind: "pdf", pages: 3 },
  });
  const texts = textsOf(data, "handbook");
  expect(texts.length).toBeGreaterThan(1);
  expect(task?.result).toMatchObject({ chunks: texts.length });
  expect(task?.report.counters).toEqual({ chunks_added: texts.length });
  expect(texts.every((text) => text.length <= 800)).toBe(true);
  const { text } = await textOfDocument(readFileSync(`${samples}handbook.pdf`), "handbook.pdf");
  const lines = text.split("\n").filter(Boolean);
  expect(lines.filter((line) => !texts.some((chunk) => chunk.includes(line)))).toEqual([]);
  expect(texts.join("").length).toBeGreaterThan(text.replaceAll("\n", "").length);
});

test("an attempt that fails after its chunks were stored is retried, and each chunk is there once", async () => {
  const isFirst = firstTime();
  const { app, data, runs } = documentsApp(() => {
    if (isFirst()) throw new Error("the process lost its network");
  });
  const task = taskOf(await runToEnd(app, "process_document", handbook));
  expect(task).toMatchObject({ status: "SUCCESS", attempts: 2 });
  expect(runs()).toBe(2);
  const texts = textsOf(data, "handbook");
  expect(task?.result).toMatchObject({ chunks: texts.length });
  expect(task?.report.counters).toEqual({ chunks_added: 0 });
  expect(new Set(texts).size).toBe(texts.length);
});

test("submitted again within the hour it runs nothing; another file of the same document replaces it", async () => {
  const { app, data, runs } = documentsApp();
  const first = await runToEnd(app, "process_document", handbook);
  const again = await runToEnd(app, "process_document", handbook);
  expect(taskOf(again)).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
  expect(taskOf(again)?.result).toEqual(taskOf(first)?.result);
  expect(runs()).toBe(1);
  const other = await runToEnd(app, "process_document", { ...handbook, file: "tasting-notes.txt" });
  expect(taskOf(other)).toMatchObject({ reason: null, result: { kind: "text", chunks: 1 } });
  expect(textsOf(data, "handbook")).toEqual([readFileSync(`${samples}tasting-notes.txt`, "utf8").trim()]);
});

test("of ten submissions at once one executes, and all have its result", async () => {
  const { app, runs } = documentsApp();
  app.work.start();
  const started = await Promise.all(
    Array.from({ length: 10 }, () =>
      app.engine.start({ kind: "start", workflowId: "process_document", input: handbook }),
    ),
  );
  const views = await Promise.all(started.map(({ batchId }) => untilEnded(app, batchId)));
  expect(runs()).toBe(1);
  expect(views.map((view) => statuses(view).process).sort()).toEqual([
    "SUCCESS",
    ...Array(9).fill("SUCCESS already_completed"),
  ]);
  expect(new Set(views.map((view) => JSON.stringify(taskOf(view)?.result))).size).toBe(1);
});

test("a PDF that is cut off fails at once and says why; when it is complete the same submission runs", async () => {
  const { app, data } = documentsApp();
  const path = `${data}/inbox/handbook.pdf`;
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, 300));
  const broken = await runToEnd(app, "process_document", handbook);
  expect(broken.status).toBe("ERROR");
  expect(taskOf(broken)).toMatchObject({ attempts: 1, error: { code: "DOCUMENT_BROKEN" } });
  expect(taskOf(broken)?.error?.message).toMatch(/^"handbook\.pdf" is not a whole PDF: /);
  writeFileSync(path, whole);
  expect((await runToEnd(app, "process_document", handbook)).status).toBe("SUCCESS");
});

test("a notification is posted once, with the same key for every attempt", async () => {
  const { app } = documentsApp();
  const site = await sampleSite((path, asked) => ({ status: path === "/notify" && asked === 1 ? 503 : 200 }));
  const input = { url: `${site.url}/notify`, recipient: "ada", message: 'The "handbook" is {{ ready }}' };
  const first = await runToEnd(app, "send_notification", input);
  expect(taskOf(first)).toMatchObject({ status: "SUCCESS", attempts: 2, result: { status: 200 } });
  const again = await runToEnd(app, "send_notification", input);
  expect(taskOf(again)).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
  const [refused, taken] = site.requests;
  expect(site.requests).toHaveLength(2);
  expect(JSON.parse(taken?.body ?? "")).toEqual({ recipient: "ada", message: input.message });
  expect(taken?.headers["idempotency-key"]).toMatch(/./);
  expect(taken?.headers["idempotency-key"]).toBe(refused?.headers["idempotency-key"]);
  const other = await runToEnd(app, "send_notification", { ...input, recipient: "grace" });
  expect(taskOf(other)).toMatchObject({ reason: null, attempts: 1 });
  expect(site.requests[2]?.headers["idempotency-key"]).not.toBe(taken?.headers["idempotency-key"]);
});

/** As if the chunks of a document had been stored some days ago. */
function makeOld(data: string, documentId: string, days: number): void {
  const database = new DatabaseSync(`${data}/chunks.sqlite`);
  database
    .prepare("UPDATE chunks SET stored_at = stored_at - ? WHERE document_id = ?")
    .run(days * 86_400, documentId);
  database.close();
}

test("the clean-up takes away what is older than it should be, and runs each time", async () => {
  const { app, data } = documentsApp();
  await runToEnd(app, "process_document", handbook);
  await runToEnd(app, "process_document", { document_id: "notes", file: "tasting-notes.txt" });
  const chunks = textsOf(data, "handbook").length;
  makeOld(data, "handbook", 31);
  makeOld(data, "notes", 29);
  const first = await runToEnd(app, "cleanup_old_data");
  expect(taskOf(first)).toMatchObject({
    status: "SUCCESS",
    result: { days: 30, chunks_deleted: chunks },
    report: { counters: { chunks_deleted: chunks } },
  });
  expect(documents()).toMatchObject([{ document_id: "notes", chunks: 1 }]);
  makeOld(data, "notes", 2);
  const again = await runToEnd(app, "cleanup_old_data");
  expect(taskOf(again)).toMatchObject({ reason: null, result: { chunks_deleted: 1 } });
  expect(documents()).toEqual([]);
});

test("a document that is stored again, though unchanged, is not old", async () => {
  const { app, data } = documentsApp();
  const notes = { document_id: "notes", file: "tasting-notes.txt" };
  await runToEnd(app, "process_document", notes);
  makeOld(data, "notes", 31);
  copyFileSync(`${data}/inbox/tasting-notes.txt`, `${data}/inbox/copy.txt`);
  await runToEnd(app, "process_document", { ...notes, file: "copy.txt" });
  const view = await runToEnd(app, "cleanup_old_data");
  expect(taskOf(view)?.result).toMatchObject({ chunks_deleted: 0 });
});

test("a slot of its schedule is an input of the clean-up", () => {
  const slot = { scheduledAt: "2026-11-21T03:00:00Z", date: "2026-11-21" };
  expect(cleanupOldData.parseInput(slot)).toEqual({ days: 30 });
  expect(cleanupOldData.triggers).toMatchObject([{ cron: "0 3 * * *" }]);
});

test("the report counts what is in the table, and is that of before for an hour", async () => {
  const { app, data } = documentsApp();
  const none = { documents: 0, chunks: 0, characters: 0, by_document: [] };
  expect(taskOf(await runToEnd(app, "generate_analytics_report", { for: "no one" }))?.result).toEqual(none);
  await runToEnd(app, "process_document", { document_id: "notes", file: "tasting-notes.txt" });
  await runToEnd(app, "process_document", { document_id: "plan", file: "release-plan.md" });
  const first = await runToEnd(app, "generate_analytics_report");
  const [notes = "", plan = ""] = ["notes", "plan"].map((id) => textsOf(data, id).join(""));
  expect(taskOf(first)?.result).toEqual({
    documents: 2,
    chunks: 2,
    characters: notes.length + plan.length,
    by_document: [
      { document_id: "notes", chunks: 1, characters: notes.length },
      { document_id: "plan", chunks: 1, characters: plan.length },
    ],
  });
  await runToEnd(app, "process_document", handbook);
  const again = await runToEnd(app, "generate_analytics_report");
  expect(taskOf(again)).toMatchObject({ reason: "already_completed" });
  expect(taskOf(again)?.result).toEqual(taskOf(first)?.result);
});
