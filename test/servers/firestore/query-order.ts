import { compareNames, compareText, compareValues } from "./compare-values.ts";
import { valueIn } from "./conditions.ts";
import type { StoredDocument } from "./document-set.ts";
import { invalid } from "./errors.ts";
import type { Order, QueryPlan } from "./query-plan.ts";
import type { Cursor } from "./wire.ts";

export function compareBy(orders: readonly Order[], one: StoredDocument, other: StoredDocument): number {
  for (const { field, isDescending } of orders) {
    const difference =
      field === "__name__" ? compareDocumentNames(one, other) : compareFields(one, other, field);
    if (difference !== 0) return isDescending ? -difference : difference;
  }
  return 0;
}

function compareDocumentNames({ name: one }: StoredDocument, { name: other }: StoredDocument): number {
  return one.collection === other.collection
    ? compareText(one.id, other.id)
    : compareNames(one.full, other.full);
}

function compareFields(one: StoredDocument, other: StoredDocument, field: string): number {
  const left = valueIn(one, field);
  const right = valueIn(other, field);
  return left && right ? compareValues(left, right) : 0;
}

/** A document that lacks a field is in no result that is ordered by it. */
export function hasOrderFields({ orders }: QueryPlan, document: StoredDocument): boolean {
  return orders.every(({ field }) => valueIn(document, field) !== undefined);
}

export function isFromStart({ orders, start }: QueryPlan, document: StoredDocument): boolean {
  if (!start) return true;
  const difference = compareToCursor(orders, document, start);
  return start.before ? difference >= 0 : difference > 0;
}

export function isBeforeEnd({ orders, end }: QueryPlan, document: StoredDocument): boolean {
  if (!end) return true;
  const difference = compareToCursor(orders, document, end);
  return end.before ? difference < 0 : difference <= 0;
}

/** By as many orders as the cursor has values. */
function compareToCursor(orders: readonly Order[], document: StoredDocument, cursor: Cursor): number {
  for (const [index, position] of (cursor.values ?? []).entries()) {
    const order = orders[index];
    const value = order && valueIn(document, order.field);
    if (!order || !value) continue;
    if (order.field === "__name__" && position.referenceValue === undefined) {
      throw invalid("A cursor on __name__ needs the name of a document.");
    }
    const difference = compareValues(value, position);
    if (difference !== 0) return order.isDescending ? -difference : difference;
  }
  return 0;
}
