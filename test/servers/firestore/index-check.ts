import { failedPrecondition } from "./errors.ts";
import { parseFieldPath } from "./field-paths.ts";
import type { CompositeIndex, IndexConfig, QueryScope } from "./index-config.ts";
import { type Order, type QueryPlan, rangeOperators } from "./query-plan.ts";

/** A field that the query fixes, and how it has to stand in an index for that. */
interface Fixed {
  readonly field: string;
  readonly isArray: boolean;
}

interface Needs {
  readonly group: string;
  readonly scope: QueryScope;
  readonly fixed: readonly Fixed[];
  /** What the results are sorted by, after the fixed fields. */
  readonly sorts: readonly Order[];
}

/**
 * Throws FAILED_PRECONDITION when the declared indexes do not carry the query. Single-field indexes carry any number of
 * equalities, or one sorted or ranged field by itself; all else needs composite indexes, which may be merged when they
 * share the sorted fields. Stricter than the service may be: an array's element together with another condition needs
 * a composite index, though Google may merge single-field ones there.
 */
export function requireIndexes(plan: QueryPlan, config: IndexConfig): void {
  if (!config.isDeclared) return;
  const needs = needsOf(plan);
  if (needs.fixed.length === 0 && needs.sorts.length === 0) return;
  if (isCarriedBySingleFields(needs, config) || isCarriedByComposites(needs, config)) return;
  const fields = [
    ...needs.fixed.map(({ field, isArray }) => `${field} ${isArray ? "CONTAINS" : "ASCENDING"}`),
    ...needs.sorts.map(({ field, isDescending }) => `${field} ${isDescending ? "DESCENDING" : "ASCENDING"}`),
  ];
  const index = `collection group ${needs.group}, scope ${needs.scope}, fields ${fields.join(", ")}`;
  throw failedPrecondition(`The query requires an index. You can create it here: ${index}`);
}

function needsOf(plan: QueryPlan): Needs {
  const fixed = plan.conditions
    .filter(({ field, operator }) => field !== "__name__" && !rangeOperators.has(operator))
    .map(({ field, operator }) => ({ field, isArray: operator.startsWith("ARRAY_CONTAINS") }));
  const isFixed = (field: string) => fixed.some((one) => one.field === field && !one.isArray);
  const sorts = plan.orders.filter(({ field }) => !isFixed(field));
  const name = sorts.at(-1);
  const last = sorts.at(-2);
  // Every index ends with the name, in the direction of its last field.
  const isNameImplied = name?.field === "__name__" && (!last || last.isDescending === name.isDescending);
  return {
    group: plan.collectionId,
    scope: plan.allDescendants ? "COLLECTION_GROUP" : "COLLECTION",
    fixed,
    sorts: isNameImplied ? sorts.slice(0, -1) : sorts,
  };
}

function isCarriedBySingleFields({ group, scope, fixed, sorts }: Needs, config: IndexConfig): boolean {
  const fields = new Set([...fixed, ...sorts].map(({ field }) => field));
  const isAlone = fields.size === 1 && sorts.length + fixed.length === 1;
  if (!isAlone && (sorts.length > 0 || fixed.some(({ isArray }) => isArray))) return false;
  const hasIndex = (field: string, mode: string | undefined) =>
    config
      .ofField(group, parseFieldPath(field))
      .some((index) => index.queryScope === scope && (mode === undefined || modeOf(index) === mode));
  return (
    sorts.every(({ field, isDescending }) => hasIndex(field, isDescending ? "DESCENDING" : "ASCENDING")) &&
    fixed.every(({ field, isArray }) => hasIndex(field, isArray ? "CONTAINS" : "ASCENDING"))
  );
}

/** Each fixed field has to be in one of the usable indexes, or, when nothing is sorted, in one of its own. */
function isCarriedByComposites(needs: Needs, config: IndexConfig): boolean {
  const usable = config.composites.filter((index) => isUsable(index, needs));
  if (usable.length === 0) return false;
  return needs.fixed.every(
    (fixed) =>
      usable.some((index) => index.fields.some((field) => isFor(field, fixed))) ||
      (needs.sorts.length === 0 &&
        isCarriedBySingleFields({ ...needs, fixed: [fixed] }, config) &&
        !fixed.isArray),
  );
}

/** Fixed fields in any order, then exactly the sorted ones. */
function isUsable(index: CompositeIndex, { group, scope, fixed, sorts }: Needs): boolean {
  if (index.collectionGroup !== group || index.queryScope !== scope) return false;
  const fields = withoutImpliedName(index, sorts);
  const prefix = fields.slice(0, fields.length - sorts.length);
  const suffix = fields.slice(fields.length - sorts.length);
  return (
    fields.length >= sorts.length &&
    prefix.every((field) => fixed.some((one) => isFor(field, one))) &&
    sorts.every(({ field, isDescending }, position) => {
      const own = suffix[position];
      return own?.fieldPath === field && own.order === (isDescending ? "DESCENDING" : "ASCENDING");
    })
  );
}

function withoutImpliedName({ fields }: CompositeIndex, sorts: readonly Order[]): CompositeIndex["fields"] {
  const isNameAsked = sorts.at(-1)?.field === "__name__";
  return fields.at(-1)?.fieldPath === "__name__" && !isNameAsked ? fields.slice(0, -1) : fields;
}

function isFor(field: CompositeIndex["fields"][number], { field: wanted, isArray }: Fixed): boolean {
  return field.fieldPath === wanted && (field.arrayConfig !== undefined) === isArray;
}

function modeOf(index: {
  readonly order?: string | undefined;
  readonly arrayConfig?: string | undefined;
}): string {
  return index.order ?? index.arrayConfig ?? "";
}
