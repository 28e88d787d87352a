import type { PageResponse } from "../../ports/pages.ts";
import { download } from "../responses.ts";
import type { View } from "../view.ts";
import { sharedBatch } from "./share.ts";

/** The whole result of a task, to save. Undefined: it has none. */
export async function resultFile(
  view: View,
  batchId: string,
  taskId: string,
): Promise<PageResponse | undefined> {
  const { logs } = await view.reader.read(batchId);
  const stored = logs.get(taskId)?.log.result;
  if (!stored) return undefined;
  const value = await view.app.engine.admin.result(stored);
  const body = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  return download(`${batchId}-${taskId}.json`, "application/json", body);
}

/** The batch as one page, to save. */
export async function sharedFile(view: View, batchId: string): Promise<PageResponse> {
  const isRedacted = view.query.get("redact") === "yes";
  const page = await sharedBatch(view.app, batchId, { style: view.style, isRedacted, now: view.now });
  return download(`${batchId}.html`, "text/html; charset=utf-8", Buffer.from(page));
}
