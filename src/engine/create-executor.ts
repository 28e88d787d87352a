import { Admission } from "./admission.ts";
import { Calls } from "./calls.ts";
import { Claims } from "./claims.ts";
import type { Dependencies } from "./dependencies.ts";
import { Executor } from "./execute.ts";
import { ExecutionRecords } from "./execution-records.ts";
import type { FanOut } from "./fan-out.ts";
import type { Outbox } from "./outbox.ts";
import { Parents } from "./parents.ts";
import { Settlements } from "./settlements.ts";
import type { TaskLogs } from "./task-logs.ts";

/** The executor with its parts. */
export function createExecutor(
  dependencies: Dependencies,
  logs: TaskLogs,
  outbox: Outbox,
  fanOut: FanOut,
): Executor {
  const parents = new Parents(dependencies, logs);
  const claims = new Claims(dependencies);
  const records = new ExecutionRecords(dependencies.store);
  return new Executor({
    dependencies,
    logs,
    claims,
    records,
    parents,
    calls: new Calls(dependencies.runner, parents),
    admission: new Admission(dependencies, logs, claims, records),
    settlements: new Settlements(dependencies, claims, fanOut),
    fanOut,
    outbox,
  });
}
