import type { PageResponse } from "../ports/pages.ts";
import { resultFile, sharedFile } from "./batch/files.ts";
import { batchPage } from "./batch/page.ts";
import { batchesPage } from "./pages/batch-list-page.ts";
import { callbacksPage } from "./pages/callback-list.ts";
import { deadLetterPage, deadLettersPage } from "./pages/dead-letters.ts";
import { keyPage } from "./pages/key.ts";
import { nowPage, waitingPage } from "./pages/now.ts";
import { overviewPage } from "./pages/overview.ts";
import { schedulesPage } from "./pages/schedules.ts";
import { workflowPage } from "./pages/workflow.ts";
import type { Page } from "./shell.ts";
import type { View } from "./view.ts";

type Open = (view: View, ...parts: readonly string[]) => Promise<Page | PageResponse | undefined>;

/** All pages. `:` is a part that may be anything. */
export const routes: readonly (readonly [path: string, open: Open])[] = [
  ["/", overviewPage],
  ["/b", batchesPage],
  ["/b/:", (view, batchId = "") => batchPage(view, batchId)],
  ["/b/:/share", (view, batchId = "") => sharedFile(view, batchId)],
  ["/b/:/result/:", (view, batchId = "", taskId = "") => resultFile(view, batchId, taskId)],
  ["/w/:", (view, workflowId = "") => workflowPage(view, workflowId)],
  ["/k/:", (view, key = "") => keyPage(view, key)],
  ["/now", nowPage],
  ["/waiting", waitingPage],
  ["/dead", deadLettersPage],
  ["/dead/:", (view, deadLetterId = "") => deadLetterPage(view, deadLetterId)],
  ["/callbacks", callbacksPage],
  ["/schedules", schedulesPage],
];

const compiled = routes.map(([path, open]) => ({
  pattern: new RegExp(`^${path.replaceAll(":", "([^/]+)")}/?$`),
  open,
}));

/** The page of a path. Undefined: there is none. */
export function findRoute(path: string): { readonly open: (view: View) => ReturnType<Open> } | undefined {
  for (const { pattern, open } of compiled) {
    const parts = pattern.exec(path)?.slice(1).map(decode);
    if (parts) return { open: (view) => open(view, ...parts) };
  }
  return undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
