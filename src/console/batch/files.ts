import type { PageResponse } from "../../ports/pages.ts";
import { download } from "../responses.ts";
import type { View } from "../view.ts";

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
