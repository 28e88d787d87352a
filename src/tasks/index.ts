import type { TaskType } from "../runtime/task-type.ts";
import { archiveFileType } from "./archive-file.ts";
import { httpType } from "./http.ts";
import { loadFileType } from "./load-file.ts";
import { renderReportType } from "./render-report.ts";
import { runQueryType } from "./run-query.ts";

/** The task types that workflows may name. */
export const builtInTaskTypes: ReadonlyMap<string, TaskType> = new Map(
  [
    forAnyParameters(loadFileType),
    forAnyParameters(runQueryType),
    forAnyParameters(renderReportType),
    forAnyParameters(archiveFileType),
    forAnyParameters(httpType),
  ].map((type) => [type.type, type]),
);

/** Whoever runs a type of the map has parsed the parameters with the schema beside it. */
function forAnyParameters<Parameters, Result>(type: TaskType<Parameters, Result>): TaskType {
  return { ...type, run: (context, parsed) => type.run(context, parsed as Parameters) };
}
