import type { Call } from "../expressions/calls.ts";
import { cast } from "../expressions/casts.ts";
import { Refusal } from "../refusal.ts";
import type { Context, Term } from "../terms.ts";
import { DATE, DATETIME, TIMESTAMP } from "../types.ts";
import { numberSignatures } from "./numbers.ts";
import { callSignature } from "./signatures.ts";
import { textSignatures } from "./texts.ts";

/** Functions whose errors are those of their own macro, so that `SAFE.` can replace them with NULL. */
const withNull =
  /^(CHR|DATE|DATETIME|DIV|LEFT|LN|LOG|LOG10|LPAD|MOD|REPEAT|RIGHT|RPAD|SQRT|SUBSTR|TIMESTAMP)$/;

export function hasNullForm(name: string): boolean {
  return withNull.test(name);
}

/** A call with `SAFE.`: NULL where the function itself fails. Errors of its arguments stay. */
export function callWithNull(call: Call, context: Context): Term {
  const args = call.args.map((arg) => context.term(arg));
  const [first] = args;
  const to = { DATE, DATETIME, TIMESTAMP }[call.name];
  if (to) {
    if (args.length !== 1 || first?.type.kind !== "STRING" || first.written)
      throw new Refusal(`SAFE.${call.name}`, "SAFE. is supported for it with one column of texts only");
    return cast(call.name, first, to, true);
  }
  const forms = numberSignatures.get(call.name) ?? textSignatures.get(call.name) ?? [];
  const term = callSignature(call, forms, args);
  const inner = args.map(({ sql }) => sql).join(", ");
  const start = /^(\(?)googlesql_(?=\w+\()/;
  if (!start.test(term.sql) || inner === "")
    throw new Refusal(`SAFE.${call.name}`, "SAFE. is not supported for these arguments");
  return { ...term, sql: term.sql.replace(start, "$1googlesql_null_") };
}
