import { piecesOf, splitOutside } from "./expression-text.ts";
import type { TerraformFiles } from "./terraform-files.ts";

export type Scope = Readonly<Record<string, unknown>>;

/**
 * What the names of things come to, for values of the variables: as much of Terraform's language as names need. That is
 * references to variables, locals and accounts, templates, `==`, `!`, `? :`, lists, `[for … in … : …]`, `concat`,
 * `distinct`, `join`, `keys`, `toset`. What it does not know, it throws at.
 */
export class Evaluation {
  readonly #files: TerraformFiles;
  readonly #given: Scope;

  /** Variables that are not given have their defaults. */
  constructor(files: TerraformFiles, given: Scope) {
    this.#files = files;
    this.#given = given;
  }

  /** A value as the parser gives it: expressions are in `${}`. */
  value(parsed: unknown, scope: Scope = {}): unknown {
    if (typeof parsed !== "string") return parsed;
    const pieces = piecesOf(parsed).filter(({ text }) => text !== "");
    const [first] = pieces;
    if (pieces.length === 1 && first?.expression !== undefined)
      return this.#expression(first.expression, scope);
    return pieces
      .map(({ text, expression }) => text ?? String(this.#expression(expression ?? "", scope)))
      .join("");
  }

  local(name: string): unknown {
    if (!(name in this.#files.locals)) throw new Error(`There is no local ${name}`);
    return this.value(this.#files.locals[name]);
  }

  variable(name: string): unknown {
    if (name in this.#given) return this.#given[name];
    const variable = this.#files.variables[name];
    if (variable?.default === undefined) throw new Error(`There is no value of the variable ${name}`);
    return variable.default;
  }

  #expression(written: string, scope: Scope): unknown {
    const text = written.replaceAll(/^\s*#.*$/gm, "").trim();
    const [condition, ...branches] = splitOutside(text, " ? ");
    if (branches.length > 0) {
      const [whenTrue = "", whenFalse = ""] = splitOutside(branches.join(" ? "), " : ");
      return this.#expression(this.#expression(condition ?? "", scope) ? whenTrue : whenFalse, scope);
    }
    const [left = "", right] = splitOutside(text, " == ");
    if (right !== undefined) return this.#expression(left, scope) === this.#expression(right, scope);
    if (text.startsWith("!")) return !this.#expression(text.slice(1), scope);
    if (text.startsWith('"')) return this.value(text.slice(1, -1).replaceAll('\\"', '"'), scope);
    if (text.startsWith("[")) return this.#list(text.slice(1, -1).trim(), scope);
    const [, called, parameters = ""] = /^(\w+)\((.*)\)$/s.exec(text) ?? [];
    return called === undefined ? this.#reference(text, scope) : this.#call(called, parameters, scope);
  }

  #list(items: string, scope: Scope): unknown[] {
    const [, name = "", source = "", each = ""] = /^for (\w+) in (\S+) : (.*)$/s.exec(items) ?? [];
    if (name !== "")
      return asList(this.#expression(source, scope)).map((item) =>
        this.#expression(each, { ...scope, [name]: item }),
      );
    const [, key = "", item = "", map = "", of = ""] =
      /^for (\w+), (\w+) in (\S+) : (.*)$/s.exec(items) ?? [];
    if (key !== "")
      return Object.entries(Object(this.#expression(map, scope))).map(([name, value]) =>
        this.#expression(of, { ...scope, [key]: name, [item]: value }),
      );
    return splitOutside(items, ",")
      .filter((item) => item !== "")
      .map((item) => this.#expression(item, scope));
  }

  #call(called: string, parameters: string, scope: Scope): unknown {
    if (called === "join") {
      const [separator, items] = splitOutside(parameters, ",").map((text) => this.#expression(text, scope));
      return asList(items).join(String(separator));
    }
    if (called === "keys") return Object.keys(Object(this.#expression(parameters, scope))).sort();
    const given = splitOutside(parameters, ",").map((parameter) =>
      asList(this.#expression(parameter, scope)),
    );
    if (called === "concat") return given.flat();
    if (called === "distinct") return [...new Set(given.flat())];
    if (called === "toset") return [...new Set(given.flat())].sort();
    throw new Error(`The function ${called} is not known here`);
  }

  #reference(text: string, scope: Scope): unknown {
    if (text in scope) return scope[text];
    const [owner = "", field, ...deeper] = text.split(".");
    if (owner in scope && field !== undefined && deeper.length === 0)
      return Object(scope[owner])[field] ?? null;
    if (text === "null") return null;
    if (text === "true" || text === "false") return text === "true";
    if (/^\d+$/.test(text)) return Number(text);
    const [kind, name = "", ...rest] = text.split(".");
    if (kind === "var") return this.variable(name);
    if (kind === "local") return this.local(name);
    if (text === "data.google_project.this.number") return this.#given.projectNumber;
    if (kind === "google_service_account" && rest[0] === "email") return this.#account(name);
    throw new Error(`${text} is not known here`);
  }

  /** Google makes it of id and project. */
  #account(name: string): string {
    const id = this.value(this.#files.resource(`google_service_account.${name}`).account_id);
    return `${id}@${this.variable("project")}.iam.gserviceaccount.com`;
  }
}

function asList(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${JSON.stringify(value)} is no list`);
  return value;
}
