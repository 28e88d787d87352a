import { deriveBatchId } from "../core/batch.ts";
import { limits } from "../core/limits.ts";
import { type Schedule, slotKey, slotsBetween } from "../core/schedule/schedule.ts";
import { daySeconds } from "../core/values/time.ts";
import type { ActiveTask, BatchSummary } from "../core/views/views.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { View } from "./view.ts";

interface Some<Row> {
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
}

interface LateSlot {
  readonly workflowId: string;
  readonly slot: number;
  readonly why: string;
}

/** What a person looks at first, and what each workflow has been doing. */
export interface Attention {
  readonly workflows: readonly DeployedWorkflow[];
  /** Newest first, by workflow. */
  readonly recent: ReadonlyMap<string, readonly BatchSummary[]>;
  readonly since: number;
  readonly failed: Some<BatchSummary>;
  readonly running: Some<BatchSummary>;
  readonly waits: Some<ActiveTask>;
  readonly letters: readonly { readonly deadLetterId: string }[];
  readonly givenUp: Some<unknown>;
  readonly late: readonly LateSlot[];
}

/** Batches that are read for the rows of all workflows. A count over everything would read everything. */
const recentBatches = 120;
const mostFailed = 20;
const mostRunning = 20;
const mostActive = 50;

export async function readAttention(view: View): Promise<Attention> {
  const { admin, deadLetters } = view.app.engine;
  const since = view.now - daySeconds * 1_000;
  const workflows = (await view.app.catalog.all()).toSorted((one, other) =>
    one.definition.workflowId.localeCompare(other.definition.workflowId),
  );
  const [{ batches }, running, failed, active, { letters }, givenUp] = await Promise.all([
    admin.batches({}, { limit: recentBatches }),
    admin.batches({ status: "RUNNING" }, { limit: mostRunning }),
    admin.batches({ status: "ERROR", ended: { from: since } }, { limit: mostFailed }),
    admin.inspection.active(mostActive),
    deadLetters.list(),
    admin.callbacks.ofState("GIVEN_UP", mostFailed),
  ]);
  const recent = Map.groupBy(batches, ({ workflowId }) => workflowId);
  await addLastRuns(view, workflows, recent);
  return {
    workflows,
    recent,
    since,
    failed: { rows: failed.batches, hasMore: failed.hasMore },
    running: { rows: running.batches, hasMore: running.hasMore },
    waits: {
      rows: active.rows.filter(({ reason }) => reason === "event" || reason === "completion"),
      hasMore: active.hasMore,
    },
    letters: letters.filter(({ replayedAt }) => replayedAt === null),
    givenUp,
    late: await lateSlots(view, workflows),
  };
}

/** Workflows that run rarely are not among the newest batches: their last run is read by itself. */
async function addLastRuns(
  view: View,
  workflows: readonly DeployedWorkflow[],
  recent: Map<string, BatchSummary[]>,
): Promise<void> {
  const missing = workflows.map(({ definition }) => definition.workflowId).filter((id) => !recent.has(id));
  await Promise.all(
    missing.map(async (workflowId) => {
      const { batches } = await view.app.engine.admin.batches({ workflowId }, { limit: 1 });
      recent.set(workflowId, [...batches]);
    }),
  );
}

const lookBackMs = [2 * 3_600_000, 2 * daySeconds * 1_000, 40 * daySeconds * 1_000];

/** The last slots of schedules that have started no batch although their time is over. */
async function lateSlots(view: View, workflows: readonly DeployedWorkflow[]): Promise<LateSlot[]> {
  const due = workflows.flatMap(({ definition: { workflowId }, triggers }) =>
    triggers.flatMap((trigger) => {
      const slot = trigger.type === "schedule" ? lastSlot(trigger, view.now) : undefined;
      return trigger.type === "schedule" && slot !== undefined ? [{ workflowId, trigger, slot }] : [];
    }),
  );
  const checked = await Promise.all(due.map((each) => lateSlot(view, each)));
  return checked.filter((late) => late !== undefined);
}

/** The last slot that is not within the grace period any more. */
function lastSlot(schedule: Schedule, now: number): number | undefined {
  const until = now - limits.scheduleGraceSeconds * 1_000;
  for (const ms of lookBackMs) {
    const slot = slotsBetween(schedule, until - ms, until, 10_000).at(-1);
    if (slot !== undefined) return slot;
  }
  return undefined;
}

async function lateSlot(
  view: View,
  {
    workflowId,
    trigger,
    slot,
  }: { readonly workflowId: string; readonly trigger: Schedule; readonly slot: number },
): Promise<LateSlot | undefined> {
  const { admin } = view.app.engine;
  const cursor = await admin.handledSlot(workflowId, trigger);
  // Without a cursor the schedule is new: it was never looked at.
  if (cursor === undefined) return undefined;
  if (cursor < slot)
    return { workflowId, slot, why: "No worker has looked at the schedules since: is a server running?" };
  const isStarted = await admin.exists(deriveBatchId(workflowId, slotKey(trigger, slot)));
  if (isStarted) return undefined;
  return { workflowId, slot, why: "It was skipped: Baton was down at that time. A backfill runs it." };
}
