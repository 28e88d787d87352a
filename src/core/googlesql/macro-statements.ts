import { macroText } from "./macros.ts";

const macros = readMacros(macroText);

/** Reads macros such as `name(a, b) AS a + b;`, one after another. */
function readMacros(text: string): Readonly<Record<string, string>> {
  const statements = text.replace(/^--.*$/gm, "").split(/;\n/);
  return Object.fromEntries(
    statements.flatMap((statement) => {
      const [, name, body] = /^\s*(googlesql_\w+)([\s\S]*)$/.exec(statement) ?? [];
      return name === undefined || body === undefined ? [] : [[name, body]];
    }),
  );
}

/** `googlesql_null_x` is the macro `googlesql_x` with NULL instead of its errors. */
function bodyOf(name: string): string | undefined {
  const failing = /^googlesql_null_(\w+)$/.exec(name)?.[1];
  return failing === undefined
    ? macros[name]
    : macros[`googlesql_${failing}`]?.replace(/error\(\s*'[^']*'\s*\)/g, "NULL");
}

const used = /googlesql_\w+/g;

/** The statements that create the macros of a SQL, those that others use first. */
export function macrosOf(sql: string): readonly string[] {
  const names = new Set<string>();
  const add = (text: string) => {
    for (const [name] of text.matchAll(used)) {
      const body = bodyOf(name);
      if (body === undefined || names.has(name)) continue;
      add(body);
      names.add(name);
    }
  };
  add(sql);
  return [...names].map((name) => `CREATE OR REPLACE TEMP MACRO ${name}${bodyOf(name) ?? ""}`);
}
