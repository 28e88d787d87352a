import { Refusal } from "../refusal.ts";
import { type Context, expect, type Term, unify } from "../terms.ts";
import { isRecord, Node } from "../tree.ts";
import { FLOAT64, INT64, typeName } from "../types.ts";
import { type Aggregate, aggregate, isAggregate } from "./aggregates.ts";
import { type OrderKeys, orderKeys } from "./ordering.ts";

/** A function with OVER. */
export function windowTerm(node: Node, context: Context): Term {
  const call = node.node("this");
  const over = node.part("over");
  node.end("OVER");
  if (!over) throw new Refusal("OVER", "it has no window");
  const { sql, isOrdered } = overSql(over, context);
  const { template, type } = windowFunction(call, context, isOrdered);
  return { sql: template.replaceAll("{over}", () => ` OVER (${sql})`), type };
}

function overSql(over: Node, context: Context): { readonly sql: string; readonly isOrdered: boolean } {
  const name = over.name("window_name");
  const partitions = over.nodes("partition_by").map((item) => context.term(item));
  const keys = over.parts("order_by").map((item) => orderKeys(item, context));
  const frame = over.part("frame");
  const frameSql = frame ? frameOf(frame, keys, context) : "";
  over.end("OVER");
  if (name !== "") {
    const definition = context.window(name);
    if (!definition) throw new Refusal(name, `there is no window ${name}`);
    if (partitions.length > 0 || keys.length > 0 || frame)
      throw new Refusal(name, "a window that extends another one is not supported; write it out");
    return overSql(definition, context);
  }
  for (const term of partitions)
    if (["ARRAY", "STRUCT", "JSON", "FOREIGN", "FLOAT64"].includes(term.type.kind))
      throw new Refusal("PARTITION BY", `it does not take ${typeName(term.type)}`);
  const parts = [
    ...(partitions.length > 0 ? [`PARTITION BY ${partitions.map(({ sql }) => sql).join(", ")}`] : []),
    ...(keys.length > 0 ? [`ORDER BY ${keys.map(({ sql }) => sql).join(", ")}`] : []),
    frameSql,
  ];
  return { sql: parts.filter((part) => part !== "").join(" "), isOrdered: keys.length > 0 };
}

function frameOf(frame: Node, keys: readonly OrderKeys[], context: Context): string {
  const kind = String(frame.raw("kind")).toUpperCase();
  const [start, end] = [frame.raw("start"), frame.raw("end")];
  frame.end(kind);
  if (kind !== "ROWS" && kind !== "RANGE") throw new Refusal(kind, "it is not supported");
  if (
    kind === "RANGE" &&
    keys.some(({ isFloat }) => isFloat) &&
    [start, end].some((bound) => isRecord(bound))
  )
    throw new Refusal(kind, "RANGE of FLOAT64 is not supported; use ROWS");
  if (end === null || end === undefined) return `${kind} ${bound(kind, start, context)}`;
  return `${kind} BETWEEN ${bound(kind, start, context)} AND ${bound(kind, end, context)}`;
}

function bound(kind: string, raw: unknown, context: Context): string {
  if (raw === "CurrentRow") return "CURRENT ROW";
  if (raw === "UnboundedPreceding") return "UNBOUNDED PRECEDING";
  if (raw === "UnboundedFollowing") return "UNBOUNDED FOLLOWING";
  for (const side of ["Preceding", "Following"])
    if (isRecord(raw) && raw[side] !== undefined)
      return `${expect(kind, context.term(Node.from(raw[side])), INT64).sql} ${side.toUpperCase()}`;
  throw new Refusal(kind, "this frame is not supported");
}

const numbering: Readonly<Record<string, { readonly name: string; readonly isFloat?: boolean }>> = {
  row_number: { name: "row_number" },
  rank: { name: "rank" },
  dense_rank: { name: "dense_rank" },
  percent_rank: { name: "percent_rank", isFloat: true },
  cume_dist: { name: "cume_dist", isFloat: true },
};

function windowFunction(call: Node, context: Context, isOrdered: boolean): Aggregate {
  const numbered = numbering[call.kind];
  const word = (numbered?.name ?? call.kind).toUpperCase();
  if (numbered) {
    call.end(word);
    if (!isOrdered && call.kind !== "row_number") throw new Refusal(word, "its window needs ORDER BY");
    return { template: `${numbered.name}(){over}`, type: numbered.isFloat ? FLOAT64 : INT64 };
  }
  if (call.kind === "n_tile") {
    const buckets = expect("NTILE", context.term(call.node("num_buckets")), INT64);
    call.end("NTILE");
    return { template: `ntile(${buckets.sql}){over}`, type: INT64 };
  }
  if (["lag", "lead", "first_value", "last_value", "nth_value"].includes(call.kind))
    return navigation(call, context, isOrdered);
  if (!isAggregate(call)) throw new Refusal("OVER", "this function has no OVER here");
  return aggregate(call, context);
}

function navigation(call: Node, context: Context, isOrdered: boolean): Aggregate {
  const word = call.kind.toUpperCase();
  if (!isOrdered) throw new Refusal(word, "its window needs ORDER BY");
  const value = context.term(call.node("this"));
  const offset = call.optional("offset");
  const fallback = call.optional("default");
  const ignore = call.flag("ignore_nulls") ? " IGNORE NULLS" : "";
  call.end(word);
  const { type, terms } = unify(word, [value, ...(fallback ? [context.term(fallback)] : [])]);
  const step = offset && expect(word, context.term(offset), INT64);
  if (ignore !== "" && (call.kind === "lag" || call.kind === "lead"))
    throw new Refusal(word, "IGNORE NULLS is not supported for it");
  const args = [terms[0]?.sql, ...(step ? [step.sql] : []), ...terms.slice(1).map(({ sql }) => sql)];
  return { template: `${call.kind}(${args.join(", ")}${ignore}){over}`, type };
}
