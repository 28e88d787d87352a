import { invalid, unsupported } from "./errors.ts";
import { parseFieldPath } from "./field-paths.ts";
import { databaseOf } from "./names.ts";
import type { Cursor, Filter, Mask, StructuredQuery, Value } from "./wire.ts";

export const rangeOperators: ReadonlySet<string> = new Set([
  "LESS_THAN",
  "LESS_THAN_OR_EQUAL",
  "GREATER_THAN",
  "GREATER_THAN_OR_EQUAL",
  "NOT_EQUAL",
  "NOT_IN",
]);
const listOperators: ReadonlySet<string> = new Set(["IN", "NOT_IN", "ARRAY_CONTAINS_ANY"]);
const containsOperators: ReadonlySet<string> = new Set(["ARRAY_CONTAINS", "ARRAY_CONTAINS_ANY"]);
const maxListed = 30;
const maxListedOut = 10;

export interface Condition {
  /** As the query has it; `__name__` is the document's name. */
  readonly field: string;
  readonly operator: string;
  readonly value: Value;
}

export interface Order {
  readonly field: string;
  readonly isDescending: boolean;
}

/** A query in the form that it is run in. */
export interface QueryPlan {
  readonly parent: string;
  readonly database: string;
  readonly collectionId: string;
  readonly allDescendants: boolean;
  /** All must hold. */
  readonly conditions: readonly Condition[];
  /** Complete: it ends with `__name__`. */
  readonly orders: readonly Order[];
  readonly start: Cursor | undefined;
  readonly end: Cursor | undefined;
  readonly offset: number;
  readonly limit: number;
  readonly mask: Mask | undefined;
}

/** Throws INVALID_ARGUMENT for what Firestore refuses, UNIMPLEMENTED for what is left out here. */
export function planQuery(parent: string, query: StructuredQuery): QueryPlan {
  if (query.findNearest) throw unsupported("a search for the nearest vectors");
  const conditions = query.where ? conditionsOf(query.where) : [];
  checkConditions(conditions);
  const orders = ordersOf(query, conditions);
  checkCursor(query.startAt, orders);
  checkCursor(query.endAt, orders);
  return {
    parent,
    database: databaseOf(parent),
    ...sourceOf(query),
    conditions,
    orders,
    start: query.startAt,
    end: query.endAt,
    offset: checkedCount(query.offset ?? 0),
    limit: query.limit ? checkedCount(query.limit.value ?? 0) : Number.POSITIVE_INFINITY,
    mask: query.select && {
      fieldPaths: (query.select.fields ?? []).map(({ fieldPath = "" }) => fieldPath),
    },
  };
}

function sourceOf({ from = [] }: StructuredQuery): Pick<QueryPlan, "collectionId" | "allDescendants"> {
  const [source] = from;
  if (!source?.collectionId || from.length > 1)
    throw unsupported("a query that is not from exactly one collection");
  return { collectionId: source.collectionId, allDescendants: source.allDescendants ?? false };
}

function checkCursor(cursor: Cursor | undefined, orders: readonly Order[]): void {
  if ((cursor?.values?.length ?? 0) > orders.length) throw invalid("Cursor has too many values.");
}

function checkedCount(count: number): number {
  if (count < 0) throw invalid("limit and offset must not be negative");
  return count;
}

const unaries: Readonly<Record<string, { readonly operator: string; readonly value: Value }>> = {
  IS_NULL: { operator: "EQUAL", value: { nullValue: "NULL_VALUE" } },
  IS_NAN: { operator: "EQUAL", value: { doubleValue: Number.NaN } },
  IS_NOT_NULL: { operator: "NOT_EQUAL", value: { nullValue: "NULL_VALUE" } },
  IS_NOT_NAN: { operator: "NOT_EQUAL", value: { doubleValue: Number.NaN } },
};

function conditionsOf(filter: Filter): readonly Condition[] {
  if (filter.compositeFilter) {
    if (filter.compositeFilter.op !== "AND") throw unsupported("a filter with OR");
    return (filter.compositeFilter.filters ?? []).flatMap(conditionsOf);
  }
  if (filter.unaryFilter) {
    const unary = unaries[filter.unaryFilter.op ?? ""];
    if (!unary) throw invalid("a unary filter without an operator");
    return [{ field: checkedField(filter.unaryFilter.field?.fieldPath), ...unary }];
  }
  const { field, op, value } = filter.fieldFilter ?? {};
  if (op === undefined || value === undefined) throw invalid("a filter without an operator or a value");
  return [{ field: checkedField(field?.fieldPath), operator: op, value }];
}

function checkedField(path = ""): string {
  parseFieldPath(path);
  return path;
}

function checkConditions(conditions: readonly Condition[]): void {
  for (const { operator, value } of conditions) {
    if (!listOperators.has(operator)) continue;
    const count = value.arrayValue?.values?.length ?? 0;
    const most = operator === "NOT_IN" ? maxListedOut : maxListed;
    if (count === 0) throw invalid(`'${operator}' requires a non-empty array.`);
    if (count > most) throw invalid(`'${operator}' supports up to ${most} comparison values.`);
  }
  if (conditions.filter(({ operator }) => containsOperators.has(operator)).length > 1) {
    throw invalid("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.");
  }
}

/** As asked for, then the fields of ranges, then the name, in the direction of the last that was asked for. */
function ordersOf(query: StructuredQuery, conditions: readonly Condition[]): readonly Order[] {
  const orders: Order[] = (query.orderBy ?? []).map(({ field, direction }) => ({
    field: checkedField(field?.fieldPath),
    isDescending: direction === "DESCENDING",
  }));
  const isDescending = orders.at(-1)?.isDescending ?? false;
  const ranges = conditions.filter(({ operator }) => rangeOperators.has(operator)).map(({ field }) => field);
  for (const field of [...ranges.sort(), "__name__"]) {
    const isSettled = orders.some((order) => order.field === field || order.field === "__name__");
    if (!isSettled) orders.push({ field, isDescending });
  }
  return orders;
}
