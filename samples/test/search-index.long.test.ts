import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import { runToEnd, temporaryFolder, testApp } from "../../test/support/app.ts";
import { anHourLater, Workplace } from "../../test/support/command.ts";
import { openSearchDatabase, type SearchHit } from "../lib/search-database.ts";
import searchIndex from "../workflows/search-index.ts";
import { premiumService } from "./premium-service.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const inbox = path("samples/data/search");
const environment = { BATON_INBOX: inbox, BATON_HTTP_ALLOW_PRIVATE: "true" };

const card = { document_id: "warranty-card", file: "warranty-card.png", premium: true };

/** An app whose inbox is the folder of the samples, and its index. */
function searchApp(data = temporaryFolder()): { readonly app: EmbeddedApp; readonly index: string } {
  vi.stubEnv("BATON_DATA", data);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { app: testApp({ data, workflows: [searchIndex], environment }), index: `${data}/search.sqlite` };
}

function found(index: string, words: string): readonly SearchHit[] {
  const database = openSearchDatabase(index);
  try {
    return database.search(words, 10);
  } finally {
    database.close();
  }
}

const idsOf = (hits: readonly SearchHit[]) => hits.map(({ documentId }) => documentId).sort();
const taskOf = (view: BatchView | undefined) => view?.tasks[0];

test("every sample document is found by its text, also that of a picture; the other picture is left out", async () => {
  const { app, index } = searchApp();
  const lines = readFileSync(`${inbox}/documents.ndjson`, "utf8").trim().split("\n");
  const views = await Promise.all(lines.map((line) => runToEnd(app, "search-index", JSON.parse(line))));
  expect(views.map(({ status }) => status)).toEqual(lines.map(() => "SUCCESS"));
  expect(idsOf(found(index, "moka pot"))).toEqual(["grinder-manual", "warranty-card"]);
  expect(found(index, "rubber seal")).toMatchObject([{ documentId: "warranty-card" }]);
  expect(idsOf(found(index, "refund"))).toEqual(["returns"]);
  expect(idsOf(found(index, "zurich"))).toEqual(["cafe-zuerich"]);
  expect(found(index, "Darjeeling")).toEqual([]);
  const byId = new Map(views.map((view) => [Object(view.input).document_id, taskOf(view)]));
  const read = byId.get("warranty-card");
  expect(read?.result).toMatchObject({ index, indexed: true, reason: "ocr", document_id: "warranty-card" });
  expect(read?.report.counters).toEqual({
    documents_indexed: 1,
    characters: Object(read?.result).characters,
  });
  const leftOut = byId.get("shelf-label");
  expect(leftOut?.result).toEqual({
    document_id: "shelf-label",
    index,
    indexed: false,
    characters: 0,
    reason: "not_premium",
  });
  expect(leftOut?.report).toMatchObject({
    status: "success",
    counters: { documents_left_out: 1 },
    warnings: ["shelf-label.png is a picture: its text is read for premium accounts only"],
  });
});

test("a document that is submitted again calls no service and reads nothing, and gives the same result", async () => {
  const service = await premiumService(() => ({ body: '{"premium":true}' }));
  const { app, index } = searchApp();
  const input = { ...card, premium: false, premium_url: service.url };
  const first = await runToEnd(app, "search-index", input);
  const again = await runToEnd(app, "search-index", input);
  expect(taskOf(again)).toMatchObject({
    status: "SUCCESS",
    reason: "already_completed",
    key: taskOf(first)?.key,
  });
  expect(taskOf(again)?.key).toBe("search-index/index?document_id=warranty-card");
  expect(taskOf(again)?.result).toEqual(taskOf(first)?.result);
  expect(taskOf(again)?.report.status).toBe("skipped");
  expect(service.asked).toEqual(["warranty-card"]);
  expect(idsOf(found(index, "guaranteed"))).toEqual(["warranty-card"]);
});

test("the service decides, not the input; one that does not know the document fails it", async () => {
  const service = await premiumService((documentId) =>
    documentId === "unknown" ? { status: 404, body: "" } : { body: '{"premium":false}' },
  );
  const { app } = searchApp();
  const asked = { ...card, premium_url: service.url };
  const left = await runToEnd(app, "search-index", asked);
  expect(taskOf(left)?.result).toMatchObject({ indexed: false, reason: "not_premium" });
  const unknown = await runToEnd(app, "search-index", { ...asked, document_id: "unknown" });
  expect(taskOf(unknown)).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "PREMIUM_UNKNOWN" } });
});

test("a later batch continues a failed document where its stored steps end", async () => {
  const service = await premiumService(() => ({ body: '{"premium":true}' }));
  const { app } = searchApp();
  const lost = { document_id: "d", file: "lost.txt", premium_url: service.url };
  const failed = await runToEnd(app, "search-index", lost);
  expect(taskOf(failed)).toMatchObject({ status: "ERROR", error: { code: "FILE_MISSING" } });
  const fixed = await runToEnd(app, "search-index", { ...lost, file: "tea-brewing.txt" });
  expect(taskOf(fixed)).toMatchObject({ status: "SUCCESS", reason: null });
  expect(service.asked).toEqual(["d"]);
});

test("no file outside of the inbox is read", async () => {
  const { app } = searchApp();
  const view = await runToEnd(app, "search-index", {
    document_id: "d",
    file: "../contributions/contributions.ndjson",
  });
  expect(taskOf(view)).toMatchObject({ status: "ERROR", error: { code: "OBJECT_NAME_INVALID" } });
});

test("killed while the OCR reads, another process takes over: asked once, indexed once", async () => {
  const service = await premiumService(() => ({ body: '{"premium":true}' }));
  const place = new Workplace({}, { ...environment, BATON_WORKFLOWS: path("samples/workflows") });
  const input = JSON.stringify({ ...card, premium: false, premium_url: service.url });
  const command = ["run", "search-index", "--key", "k", "--json", "--input", input];
  const killer = pathToFileURL(path("samples/test/kill-in-ocr-child.ts")).href;
  const killed = place.spawn(command, { environment: { NODE_OPTIONS: `--import=${killer}` } });
  await killed.ended;
  expect(killed.child.signalCode, killed.stderr).toBe("SIGKILL");
  expect(service.asked).toEqual(["warranty-card"]);
  const index = place.path("data/search.sqlite");
  const { code, json } = await place.process(command, { environment: anHourLater });
  expect(code).toBe(0);
  expect(json.tasks).toMatchObject([
    { status: "SUCCESS", attempts: 2, result: { index, indexed: true, reason: "ocr" } },
  ]);
  expect(service.asked).toEqual(["warranty-card"]);
  const database = openSearchDatabase(index);
  expect(database.count()).toBe(1);
  database.close();
  const script = [path("samples/scripts/search.ts"), "rubber", "seal"];
  const { stdout } = await promisify(execFile)(process.execPath, script, {
    env: { ...process.env, BATON_DATA: place.path("data") },
  });
  expect(stdout).toMatch(/^warranty-card: .*\[rubber\] \[seal\]/);
});
