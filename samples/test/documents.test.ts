import { DatabaseSync } from "node:sqlite";
import { chaos, testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import { textOfDocument } from "../lib/text-of-document.ts";
import { withChunkTable } from "../lib/with-chunk-table.ts";
import {
  cleanupOldData,
  generateAnalyticsReport,
  processDocument,
  sendNotification,
} from "../workflows/documents.ts";
import { emptyDataFolder, sampleBytes, sampleText } from "./support.ts";

const handbook = { document_id: "handbook", file: "handbook.pdf" };
const notes = { document_id: "notes", file: "tasting-notes.txt" };
const files = ["handbook.pdf", "tasting-notes.txt", "release-plan.md"];
const objects = {
  inbox: Object.fromEntries(files.map((file) => [file, sampleBytes(`documents/${file}`)])),
};
const processing = () => testWorkflow(processDocument, { objects });

const minuteMs = 60_000;
const later = (now: Date, minutes: number) => new Date(now.getTime() + minutes * minuteMs);

const documents = () => withChunkTable((table) => table.documents());

function textsOf(data: string, documentId: string): string[] {
  const database = new DatabaseSync(`${data}/chunks.sqlite`);
  const rows = database
    .prepare("SELECT text FROM chunks WHERE document_id = ? ORDER BY position")
    .all(documentId);
  database.close();
  return rows.map(({ text }) => String(text));
}

test("a document is tried four times, after 1, 2 and 4 minutes and a little chance", async () => {
  const failing = processing().mock("process", () => {
    throw new Error("no disk");
  });
  const run = await failing.run({ input: handbook });
  expect(run.tasks.process).toMatchObject({ status: "ERROR", attempts: 4 });
  expect(run.durationMs).toBeGreaterThanOrEqual(7 * minuteMs);
  expect(run.durationMs).toBeLessThan(10 * minuteMs);
});

test("the text of a PDF becomes chunks that overlap, and nothing of it is lost", async () => {
  const data = emptyDataFolder();
  const { text } = await textOfDocument(sampleBytes("documents/handbook.pdf"), "handbook.pdf");
  const run = await processing().run({ input: handbook });
  const texts = textsOf(data, "handbook");
  expect(texts.length).toBeGreaterThan(1);
  expect(run.result("process")).toMatchObject({
    document_id: "handbook",
    kind: "pdf",
    pages: 3,
    chunks: texts.length,
  });
  expect(run.tasks.process.counters).toEqual({ chunks_added: texts.length });
  expect(texts.every((chunk) => chunk.length <= 800)).toBe(true);
  const lines = text.split("\n").filter(Boolean);
  expect(lines.filter((line) => !texts.some((chunk) => chunk.includes(line)))).toEqual([]);
  expect(texts.join("").length).toBeGreaterThan(text.replaceAll("\n", "").length);
});

test("after crashes at all points of the task, each chunk is stored once", async () => {
  const data = emptyDataFolder();
  await processing().run({ input: notes });
  const once = textsOf(data, "notes");
  const { findings } = await chaos(processDocument, { objects, input: notes, schedules: 30 });
  expect(findings).toEqual([]);
  expect(textsOf(data, "notes")).toEqual(once);
});

test("submitted again within the hour it runs nothing; another file of the same document replaces it", async () => {
  const data = emptyDataFolder();
  const subject = processing();
  const first = await subject.run({ input: notes });
  await subject.at(later(subject.now, 59));
  const again = await subject.run({ input: notes });
  expect(again.tasks.process).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
  expect(again.result("process")).toEqual(first.result("process"));
  await subject.at(later(subject.now, 2));
  expect((await subject.run({ input: notes })).tasks.process.reason).toBeNull();
  const other = await subject.run({ input: { ...notes, file: "release-plan.md" } });
  expect(other.tasks.process).toMatchObject({ reason: null, result: { kind: "markdown", chunks: 1 } });
  expect(textsOf(data, "notes")).toEqual([sampleText("documents/release-plan.md").trim()]);
});

test("of ten submissions at once one executes, and all have its result", async () => {
  emptyDataFolder();
  const subject = processing();
  const started = await Promise.all(Array.from({ length: 10 }, () => subject.start({ input: notes })));
  const runs = [];
  for (const batch of started) runs.push(await batch.end());
  expect(runs.map(({ tasks }) => `${tasks.process.status} ${tasks.process.reason}`).sort()).toEqual([
    ...Array(9).fill("SUCCESS already_completed"),
    "SUCCESS null",
  ]);
  expect(new Set(runs.map((run) => JSON.stringify(run.result("process")))).size).toBe(1);
});

test("a PDF that is cut off fails at once and says why; when it is complete the same submission runs", async () => {
  emptyDataFolder();
  const subject = processing();
  const whole = sampleBytes("documents/handbook.pdf");
  subject.objects.put("inbox", "handbook.pdf", whole.subarray(0, 300));
  const broken = await subject.run({ input: handbook });
  expect(broken.tasks.process.attempts).toBe(1);
  expect(broken.error("process").code).toBe("DOCUMENT_BROKEN");
  expect(broken.error("process").message).toMatch(/^"handbook\.pdf" is not a whole PDF: /);
  subject.objects.put("inbox", "handbook.pdf", whole);
  expect((await subject.run({ input: handbook })).status).toBe("SUCCESS");
});

test("a notification is posted once, with the same key for every attempt", async () => {
  const keys: unknown[] = [];
  const bodies: unknown[] = [];
  const subject = testWorkflow(sendNotification, {
    http: ({ headers, json }) => {
      keys.push(Object.entries(headers).find(([name]) => name.toLowerCase() === "idempotency-key")?.[1]);
      bodies.push(json);
      return { status: keys.length === 1 ? 503 : 200, body: {} };
    },
  });
  const input = {
    url: "https://notify.example/",
    recipient: "ada",
    message: 'The "handbook" is {{ ready }}',
  };
  const first = await subject.run({ input });
  expect(first.tasks.send).toMatchObject({ status: "SUCCESS", attempts: 2, result: { status: 200 } });
  expect(first.durationMs).toBeGreaterThanOrEqual(minuteMs / 2);
  expect((await subject.run({ input })).tasks.send).toMatchObject({ reason: "already_completed" });
  expect(bodies[1]).toEqual({ recipient: "ada", message: input.message });
  expect(keys).toEqual([expect.stringMatching(/./), keys[0]]);
  const other = await subject.run({ input: { ...input, recipient: "grace" } });
  expect(other.tasks.send).toMatchObject({ reason: null, attempts: 1 });
  expect(keys[2]).not.toBe(keys[0]);
});

/** As if the chunks of a document had been stored some days ago. */
function makeOld(data: string, documentId: string, days: number): void {
  const database = new DatabaseSync(`${data}/chunks.sqlite`);
  database
    .prepare("UPDATE chunks SET stored_at = stored_at - ? WHERE document_id = ?")
    .run(days * 86_400, documentId);
  database.close();
}

test("the clean-up deletes what is older than it should be, and runs each time", async () => {
  const data = emptyDataFolder();
  const processed = processing();
  await processed.run({ input: { document_id: "plan", file: "release-plan.md" } });
  await processed.run({ input: notes });
  makeOld(data, "plan", 31);
  makeOld(data, "notes", 29);
  const subject = testWorkflow(cleanupOldData);
  const first = await subject.run();
  expect(first.tasks.clean).toMatchObject({
    status: "SUCCESS",
    result: { days: 30, chunks_deleted: 1 },
    counters: { chunks_deleted: 1 },
  });
  expect(documents()).toMatchObject([{ document_id: "notes", chunks: 1 }]);
  makeOld(data, "notes", 2);
  const again = await subject.run();
  expect(again.tasks.clean).toMatchObject({ reason: null, result: { chunks_deleted: 1 } });
  expect(documents()).toEqual([]);
});

test("a document that is stored again, though unchanged, is not old", async () => {
  const data = emptyDataFolder();
  const subject = processing();
  await subject.run({ input: notes });
  makeOld(data, "notes", 31);
  subject.objects.put("inbox", "copy.txt", sampleBytes("documents/tasting-notes.txt"));
  await subject.run({ input: { ...notes, file: "copy.txt" } });
  expect((await testWorkflow(cleanupOldData).run()).result("clean").chunks_deleted).toBe(0);
});

test("the clean-up runs at three every night", async () => {
  emptyDataFolder();
  const subject = testWorkflow(cleanupOldData);
  expect(await subject.at("2026-01-02T02:59:00Z")).toEqual([]);
  const [run] = await subject.at("2026-01-02T03:00:00Z");
  expect(run?.result("clean")).toEqual({ days: 30, chunks_deleted: 0 });
});

test("the report counts what is in the table, and is kept for an hour", async () => {
  const data = emptyDataFolder();
  const subject = testWorkflow(generateAnalyticsReport);
  const none = { documents: 0, chunks: 0, characters: 0, by_document: [] };
  expect((await subject.run()).result("report")).toEqual(none);
  const processed = processing();
  await processed.run({ input: notes });
  await processed.run({ input: { document_id: "plan", file: "release-plan.md" } });
  expect((await subject.run()).result("report")).toEqual(none);
  await subject.at(later(subject.now, 61));
  const [ofNotes = "", ofPlan = ""] = ["notes", "plan"].map((id) => textsOf(data, id).join(""));
  expect((await subject.run()).result("report")).toEqual({
    documents: 2,
    chunks: 2,
    characters: ofNotes.length + ofPlan.length,
    by_document: [
      { document_id: "notes", chunks: 1, characters: ofNotes.length },
      { document_id: "plan", chunks: 1, characters: ofPlan.length },
    ],
  });
});
