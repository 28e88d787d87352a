import type { TaskType } from "../runtime/task-type.ts";
import { archiveFileType } from "./archive-file.ts";
import { dataformType } from "./dataform.ts";
import { httpType } from "./http.ts";
import { loadFileType } from "./load-file.ts";
import { powerBiRefreshType } from "./power-bi-refresh.ts";
import { renderReportType } from "./render-report.ts";
import { runQueryType } from "./run-query.ts";

/** The task types that workflows may name. */
export const builtInTaskTypes: ReadonlyMap<string, TaskType> = new Map(
  [
    loadFileType,
    runQueryType,
    dataformType,
    powerBiRefreshType,
    renderReportType,
    archiveFileType,
    httpType,
  ].map((type: TaskType) => [type.type, type]),
);
