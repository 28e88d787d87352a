import { compareValues, equalValues, kindOf } from "./compare-values.ts";
import type { StoredDocument } from "./document-set.ts";
import { unsupported } from "./errors.ts";
import { fieldAt, parseFieldPath } from "./field-paths.ts";
import type { Condition } from "./query-plan.ts";
import type { Value } from "./wire.ts";

/** The value of a field, or the document's name for `__name__`. */
export function valueIn(document: StoredDocument, field: string): Value | undefined {
  if (field === "__name__") return { referenceValue: document.name.full };
  return fieldAt(document.fields, parseFieldPath(field));
}

/** A condition on a missing field never holds. */
export function holds({ field, operator, value: wanted }: Condition, document: StoredDocument): boolean {
  const actual = valueIn(document, field);
  const test = tests[operator];
  if (!test) throw unsupported(`the operator ${operator}`);
  return actual !== undefined && test(actual, wanted);
}

type Test = (actual: Value, wanted: Value) => boolean;

/** Only values of the same kind are less or greater than each other. */
function ranged(test: (difference: number) => boolean): Test {
  return (actual, wanted) => kindOf(actual) === kindOf(wanted) && test(compareValues(actual, wanted));
}

const elements = (value: Value): readonly Value[] => value.arrayValue?.values ?? [];

const tests: Readonly<Record<string, Test>> = {
  EQUAL: equalValues,
  LESS_THAN: ranged((difference) => difference < 0),
  LESS_THAN_OR_EQUAL: ranged((difference) => difference <= 0),
  GREATER_THAN: ranged((difference) => difference > 0),
  GREATER_THAN_OR_EQUAL: ranged((difference) => difference >= 0),
  NOT_EQUAL: (actual, wanted) => kindOf(actual) !== "nullValue" && !equalValues(actual, wanted),
  IN: (actual, wanted) => elements(wanted).some((one) => equalValues(actual, one)),
  NOT_IN: (actual, wanted) =>
    kindOf(actual) !== "nullValue" && !elements(wanted).some((one) => equalValues(actual, one)),
  ARRAY_CONTAINS: (actual, wanted) => elements(actual).some((one) => equalValues(one, wanted)),
  ARRAY_CONTAINS_ANY: (actual, wanted) =>
    elements(actual).some((one) => elements(wanted).some((other) => equalValues(one, other))),
};
