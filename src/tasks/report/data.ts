import { TaskError } from "../../core/errors/errors.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { Row } from "../../ports/warehouse.ts";
import { noX } from "./axes.ts";

/** The data of a chart: for each series a value, or none, at each x. */
export interface ChartData {
  readonly xName: string;
  readonly yName: string;
  readonly xs: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

export interface Columns {
  readonly x: string;
  readonly y: string;
  readonly series?: string | undefined;
}

/**
 * Rows as a chart. The x values keep the order of the rows; rows with the same x and series are added up.
 * Throws a TaskError, `TASK_PARAMETERS_INVALID`, not retryable, for a column that the rows do not have.
 */
export function readChartData(rows: readonly Row[], { x, y, series }: Columns): ChartData {
  refuseUnknownColumns(rows, [x, y, ...(series === undefined ? [] : [series])]);
  const xs = new Set<string>();
  const sums = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const at = textOf(row[x]);
    const name = series === undefined ? y : textOf(row[series]);
    const sumsOfSeries = sums.get(name) ?? new Map<string, number>();
    const value = numberOf(row[y], y);
    xs.add(at);
    sums.set(name, sumsOfSeries);
    if (value !== undefined) sumsOfSeries.set(at, (sumsOfSeries.get(at) ?? 0) + value);
  }
  const order = [...xs];
  return {
    xName: x,
    yName: y,
    xs: order,
    series: [...sums].map(([name, values]) => ({ name, values: order.map((at) => values.get(at) ?? null) })),
  };
}

function refuseUnknownColumns(rows: readonly Row[], columns: readonly string[]): void {
  const [first] = rows;
  if (!first) return;
  for (const column of columns)
    if (!Object.hasOwn(first, column))
      throw wrong(`The query has no column "${column}"; it has: ${Object.keys(first).join(", ")}`);
}

const notFinite = /^(?:NaN|[+-]?(?:Infinity|inf))$/;

/** Warehouses return numbers that JSON can't hold exactly (DECIMAL, HUGEINT, NaN) as text. */
function numberOf(value: JsonValue | undefined, column: string): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "number") return value;
  const text = typeof value === "string" ? value.trim() : "";
  if (notFinite.test(text)) return Number(text.replace(/inf$/i, "Infinity"));
  if (text !== "" && !Number.isNaN(Number(text))) return Number(text);
  throw wrong(
    `Column "${column}" is to be drawn, but ${JSON.stringify(value).slice(0, 100)} is not a number`,
  );
}

function textOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return noX;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function wrong(message: string): TaskError {
  return new TaskError(message, { code: "TASK_PARAMETERS_INVALID", retryable: false });
}
