import { fileURLToPath } from "node:url";
import * as z from "zod";
import { ownBuckets } from "../core/records.ts";
import { type JsonObject, JsonObjectSchema } from "../core/values/json.ts";
import type { Sql } from "../ports/warehouse.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import { readChartData } from "./report/data.ts";
import { sqlSchema } from "./warehouse-job.ts";

/**
 * What bounds a report.
 * @public docs/limits.md
 */
export const reportLimits = {
  /** Most rows in a report. A chart with more is not legible. */
  reportRows: 5_000,
} as const;

export interface RenderReportParameters {
  readonly title: string;
  /** Its ORDER BY orders the table, and the x axis unless x is a time. */
  readonly sql: Sql;
  /** Column of the x axis. Dates and times are drawn to scale. */
  readonly x: string;
  /** Column of the numbers. Rows with the same x and series are added up. */
  readonly y: string;
  /** Column that divides the rows into series, each with its colour. */
  readonly series?: string;
  /** Default `bar`. */
  readonly kind?: "bar" | "line";
  /** Name of the page in the bucket `reports`: `sales.html`. An existing page is replaced. */
  readonly file: string;
  /** Values of the placeholders of the SQL. */
  readonly parameters?: JsonObject;
}

export interface RenderReportResult {
  /** Where the page is: a path, or a URI for a remote bucket. */
  readonly report: string;
  readonly rows: number;
}

const ParametersSchema = z.strictObject({
  title: z.string().min(1).describe("Title of the page"),
  sql: sqlSchema.describe("The query whose rows are drawn"),
  x: z.string().min(1).describe("Column of the x axis. Dates and times are drawn to scale"),
  y: z.string().min(1).describe("Column of the numbers. Rows with the same x and series are added up"),
  series: z
    .string()
    .min(1)
    .optional()
    .describe("Column that divides the rows into series, each with its colour"),
  kind: z.enum(["bar", "line"]).default("bar").describe("Default `bar`"),
  file: z
    .string()
    .min(1)
    .describe("Name of the page in the bucket `reports`: `sales.html`. An existing page is replaced"),
  parameters: JsonObjectSchema.default({}).describe("Values of the placeholders of the SQL"),
});
type Parameters = z.infer<typeof ParametersSchema>;

export const renderReportType: TaskType<Parameters, RenderReportResult> = {
  type: "renderReport",
  summary: "Draws the rows of a query as a page with a chart and a table",
  parameters: ParametersSchema,
  sqlParameters: ["sql"],
  run: render,
};

/** Writes one self-contained HTML page with a chart of the rows of a query, with the numbers below it. */
export function renderReport(
  parameters: RenderReportParameters,
): TaskSpec<RenderReportResult, RenderReportParameters> {
  return taskOfType(renderReportType, parameters);
}

async function render(context: TaskContext, parameters: Parameters): Promise<RenderReportResult> {
  const { warehouse, objects } = context.services;
  const { title, sql, kind, file } = parameters;
  const found = await warehouse.rows(sql, parameters.parameters, reportLimits.reportRows + 1, context.signal);
  const rows = found.slice(0, reportLimits.reportRows);
  const { renderPage } = await import("./report/page.ts");
  const page = renderPage({
    title,
    kind,
    data: readChartData(rows, parameters),
    note:
      found.length > reportLimits.reportRows
        ? `Only the first ${reportLimits.reportRows} rows of the query are shown.`
        : undefined,
    // No time of day: a retry with the same data writes the same page.
    footer: `${context.workflowId} · ${context.batchId}`,
  });
  const name = { bucket: ownBuckets.reports, object: file };
  const { uri } = await objects.write(name, Buffer.from(page), "text/html; charset=utf-8");
  return { report: uri.startsWith("file:") ? fileURLToPath(uri) : uri, rows: rows.length };
}
