import type { TaskLog } from "../../src/core/records.ts";

/** A TaskLog of attempt 1, as its store would hold it. */
export function logOf(fields: Partial<TaskLog>): TaskLog {
  return {
    batchId: "batch",
    taskId: "task",
    status: "PROCESSING",
    reason: null,
    attempt: 1,
    resumes: 0,
    failures: 0,
    lostLeases: 0,
    nonce: "nonce",
    worker: null,
    dueSeconds: null,
    events: [],
    startedAt: 0,
    endedAt: null,
    result: null,
    error: null,
    notes: null,
    history: [],
    skipCause: null,
    key: null,
    arrivals: [],
    ...fields,
  };
}
