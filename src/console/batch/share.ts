import { createHash } from "node:crypto";
import type { App } from "../../app/app.ts";
import type { TaskLog } from "../../core/records.ts";
import { withoutSecrets } from "../../core/values/secrets.ts";
import { drawGraph } from "../graph/draw.ts";
import { type Content, finish, Html, html, nothing } from "../html.ts";
import { duration, facts, iconSheet, statusBadge, statusBar, table, time } from "../marks.ts";
import { nodeState } from "./graph-view.ts";
import { BatchReader, type BatchState } from "./reader.ts";

export interface ShareOptions {
  readonly style: string;
  /** Leaves out inputs, results, messages of errors and what started the batch. */
  readonly isRedacted: boolean;
  /** By this machine's clock, in milliseconds. */
  readonly now: number;
}

/** More tasks are counted but not listed. */
const listedTasks = 2_000;
const shownCharacters = 4_000;

/** A batch as one page that needs nothing else: it can be mailed, and opened from a disk. Throws `BATCH_UNKNOWN`. */
export async function sharedBatch(app: App, batchId: string, options: ShareOptions): Promise<string> {
  const reader = new BatchReader(app);
  const state = await reader.read(batchId);
  const picture = reader.picture(state.graph, undefined);
  const graph =
    picture &&
    drawGraph(picture, {
      label: `Graph of ${state.batch.workflowId}`,
      stateOf: (group) => ({ ...nodeState(state, group), href: `#t-${group.id}` }),
    });
  return finish(document(state, options, graph ?? nothing)).page;
}

function document(state: BatchState, { style, isRedacted, now }: ShareOptions, graph: Html): Html {
  const { batch, counts } = state;
  const hash = createHash("sha256").update(style).digest("base64");
  const shown = facts([
    ["started", time(batch.createdAt)],
    ["ended", time(batch.endedAt)],
    ["took", duration(batch.createdAt, batch.endedAt, now)],
    ["by", isRedacted ? nothing : batch.startedBy],
    ["id", html`<code>${batch.batchId}</code>`],
  ]);
  const input = isRedacted ? nothing : html`<h2>Input</h2><pre class="json">${clean(batch.input)}</pre>`;
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${batch.batchId} · Baton</title>
    <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
    <meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'sha256-${hash}'">
    <style>${new Html(style)}</style></head><body class="shared">${iconSheet}<main><div class="heading"><div>
    <h1>${batch.workflowId}</h1><div class="lead">${statusBadge(batch.status)}</div></div></div>${shown}
    <div class="progress">${statusBar(counts)}</div>${graph}
    <div class="spaced">${taskTable(state, isRedacted, now)}</div>
    ${input}</main></body></html>`;
}

function taskTable({ graph, logs }: BatchState, isRedacted: boolean, now: number): Html {
  const rows = graph.definition.tasks.slice(0, listedTasks).map(({ id }) => {
    const log = logs.get(id)?.log;
    const cells = [id, statusBadge(log?.status ?? "NEW", log?.reason), ...attemptCells(log, now)];
    return { id: `t-${id}`, cells: [...cells, outcome(log, isRedacted)] };
  });
  const columns = ["Task", "Status", "Attempt", "Started", "Duration", "Result or error"];
  return table(
    columns.map((head) => ({ head })),
    rows,
    "This batch has no tasks.",
  );
}

function attemptCells(log: TaskLog | undefined, now: number): Content[] {
  if (!log) return ["", "", ""];
  const { attempt, startedAt, endedAt } = log;
  return [attempt > 0 ? String(attempt) : "", time(startedAt), duration(startedAt, endedAt, now)];
}

function outcome(log: TaskLog | undefined, isRedacted: boolean): Content {
  if (log?.error) {
    const { code, message } = log.error;
    return html`<code>${code}</code> ${isRedacted ? nothing : withoutSecrets(message)}`;
  }
  const value = log?.result && "value" in log.result ? log.result.value : null;
  return isRedacted || value === null ? nothing : html`<pre class="json">${clean(value)}</pre>`;
}

/** The start of a value as JSON, without the secrets that it quotes. */
function clean(value: unknown): string {
  const text = withoutSecrets(JSON.stringify(value, null, 2) ?? "");
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
