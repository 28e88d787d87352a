import { Refusal } from "../refusal.ts";
import { convert, nullTerm, type OutputColumn, type Query, type Term, unify } from "../terms.ts";
import type { Node } from "../tree.ts";
import { duckDbType, isSameType, quoteName, typeName } from "../types.ts";
import { limit, orderOutput } from "./order-and-group.ts";
import { internalNames } from "./scope.ts";
import type { Surroundings } from "./surroundings.ts";

/** UNION, INTERSECT and EXCEPT. Columns match by position, and get the common type of both sides. */
export function setOperation(node: Node, surroundings: Surroundings): Query {
  const word = node.kind.toUpperCase();
  const isAll = node.flag("all");
  const isDistinct = node.flag("distinct");
  if (isAll === isDistinct) throw new Refusal(word, `${word} needs ALL or DISTINCT`);
  if (isAll && word !== "UNION")
    throw new Refusal(word, `${word} ALL is not supported; write ${word} DISTINCT`);
  const left = surroundings.query(node.node("left"), undefined);
  const right = surroundings.query(node.node("right"), undefined);
  const columns = commonColumns(word, left, right);
  if (isDistinct) assertComparable(word, columns);
  const internal = internalNames(columns);
  const sides = [left, right].map((side) => withTypes(side, columns, surroundings));
  const core = `${sides[0]} ${word} ${isAll ? "ALL" : ""} ${sides[1]}`;
  const order = node.part("order_by");
  const isOpen = left.isOpen || right.isOpen;
  const ordered = order ? orderOutput(core, order, { columns, internal }, surroundings) : core;
  const limits = limit(node, surroundings);
  node.end(word);
  const sql =
    order || limits === ""
      ? `${ordered}${limits}`
      : `SELECT * FROM (${core}) AS ${quoteName(surroundings.environment.nextName())}${limits}`;
  return { sql, columns, ...(isOpen && { isOpen }) };
}

function assertComparable(word: string, columns: readonly OutputColumn[]): void {
  for (const { type } of columns)
    if (["ARRAY", "STRUCT", "JSON", "FOREIGN"].includes(type.kind))
      throw new Refusal(word, `${word} DISTINCT does not take ${typeName(type)}`);
}

/** The columns of both sides as one. Refuses sides that do not fit each other. */
function commonColumns(word: string, left: Query, right: Query): readonly OutputColumn[] {
  if (left.columns.length !== right.columns.length && !left.isOpen && !right.isOpen)
    throw new Refusal(word, `one side has ${left.columns.length} columns, the other ${right.columns.length}`);
  if (left.struct || right.struct) throw new Refusal(word, "SELECT AS STRUCT is not supported in it");
  return left.columns.map((column, index) => {
    const other = right.columns[index] ?? column;
    const isStillNull = column.isNull && other.isNull && { isNull: true };
    return {
      name: column.name,
      isAnonymous: column.isAnonymous,
      type: unify(word, [term(column), term(other)]).type,
      ...isStillNull,
    };
  });
}

function term(column: OutputColumn): Term {
  return column.isNull ? nullTerm : { sql: "NULL", type: column.type };
}

function withTypes(side: Query, columns: readonly OutputColumn[], surroundings: Surroundings): string {
  const names = internalNames(side.columns);
  const wanted = internalNames(columns);
  const alias = quoteName(surroundings.environment.nextName());
  const isSame = side.columns.every((column, index) => {
    const target = columns[index];
    return target !== undefined && isSameType(column.type, target.type) && names[index] === wanted[index];
  });
  if (isSame || side.isOpen) return `(${side.sql})`;
  const list = side.columns.map((column, index) => {
    const source = { sql: `${alias}.${quoteName(names[index] ?? "")}`, type: column.type };
    const target = columns[index];
    if (target && column.isNull)
      return `CAST(${source.sql} AS ${duckDbType(target.type)}) AS ${quoteName(wanted[index] ?? "")}`;
    return `${(target && convert(source, target.type))?.sql ?? source.sql} AS ${quoteName(wanted[index] ?? "")}`;
  });
  return `(SELECT ${list.join(", ")} FROM (${side.sql}) AS ${alias})`;
}
