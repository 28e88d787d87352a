import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";

type Attributes = Readonly<Record<string, string>>;
export type Filter = (attributes: Attributes) => boolean;

const tokens = /\s*(!=|[=:().,-]|"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*)/y;

/**
 * Compiles a subscription's filter: `attributes.key = "value"`, `!=`, `attributes:key`, `hasPrefix(attributes.key,
 * "…")`, NOT, AND, OR and brackets. Throws INVALID_ARGUMENT for anything else.
 */
export function compileFilter(text: string): Filter {
  if (text.trim() === "") return () => true;
  const parser = new Parser(text);
  const filter = parser.anyOf();
  parser.end();
  return filter;
}

class Parser {
  readonly #text: string;
  readonly #tokens: string[] = [];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    const trimmed = text.trimEnd();
    tokens.lastIndex = 0;
    while (tokens.lastIndex < trimmed.length) {
      const token = tokens.exec(trimmed)?.[1];
      if (token === undefined) this.#refuse();
      this.#tokens.push(token);
    }
  }

  anyOf(): Filter {
    const filters = [this.#allOf()];
    while (this.#take("OR")) filters.push(this.#allOf());
    return (attributes) => filters.some((filter) => filter(attributes));
  }

  end(): void {
    if (this.#next < this.#tokens.length) this.#refuse();
  }

  #allOf(): Filter {
    const filters = [this.#term()];
    while (this.#take("AND")) filters.push(this.#term());
    return (attributes) => filters.every((filter) => filter(attributes));
  }

  #term(): Filter {
    if (this.#take("NOT") || this.#take("-")) {
      const filter = this.#term();
      return (attributes) => !filter(attributes);
    }
    if (this.#take("(")) {
      const filter = this.anyOf();
      this.#expect(")");
      return filter;
    }
    return this.#take("hasPrefix") ? this.#prefix() : this.#comparison();
  }

  #prefix(): Filter {
    this.#expect("(");
    this.#expect("attributes");
    this.#expect(".");
    const key = this.#name();
    this.#expect(",");
    const prefix = this.#string();
    this.#expect(")");
    return (attributes) => attributes[key]?.startsWith(prefix) ?? false;
  }

  #comparison(): Filter {
    this.#expect("attributes");
    if (this.#take(":")) {
      const key = this.#name();
      return (attributes) => Object.hasOwn(attributes, key);
    }
    this.#expect(".");
    const key = this.#name();
    const equal = !this.#take("!=");
    if (equal) this.#expect("=");
    const value = this.#string();
    return (attributes) => (attributes[key] === value) === equal;
  }

  #name(): string {
    const token = this.#tokens[this.#next] ?? "";
    if (token.startsWith('"')) return this.#string();
    if (!/^[A-Za-z_]/.test(token)) this.#refuse();
    this.#next++;
    return token;
  }

  #string(): string {
    const token = this.#tokens[this.#next] ?? "";
    if (!token.startsWith('"')) this.#refuse();
    this.#next++;
    return token.slice(1, -1).replace(/\\(.)/g, "$1");
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) this.#refuse();
  }

  #refuse(): never {
    throw new GrpcError(status.INVALID_ARGUMENT, `The filter is not understood: ${this.#text}`);
  }
}
