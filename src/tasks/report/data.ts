import { TaskError } from "../../core/errors/errors.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { Row } from "../../ports/warehouse.ts";
import { formatXs, noX } from "./labels.ts";

/** Null if the rows of this x and series have no number. Undefined if there is no such row. */
type ChartValue = number | null | undefined;

/** The data of a chart: for each series a value, or none, at each x. */
export interface ChartData {
  readonly xName: string;
  readonly yName: string;
  readonly xs: readonly string[];
  /** The x values as people read them. */
  readonly shownXs: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly ChartValue[] }[];
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
  const sums = new Map<string, Map<string, number | null>>();
  for (const row of rows) {
    const at = textOf(row[x]);
    const name = series === undefined ? y : textOf(row[series]);
    const sumsOfSeries = sums.get(name) ?? new Map<string, number | null>();
    const value = numberOf(row[y], y);
    xs.add(at);
    sums.set(name, sumsOfSeries);
    const sum = sumsOfSeries.get(at) ?? null;
    sumsOfSeries.set(at, value === undefined ? sum : (sum ?? 0) + value);
  }
  const order = [...xs];
  const { texts, isUtc } = formatXs(order);
  return {
    xName: isUtc ? `${x} (UTC)` : x,
    yName: y,
    xs: order,
    shownXs: texts,
    series: [...sums].map(([name, values]) => ({ name, values: order.map((at) => values.get(at)) })),
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
