import { Refusal } from "./refusal.ts";

/**
 * A node of the parser's tree: one kind with its fields. A field that the translation does not read must be empty, or
 * the node is refused: so nothing that the author wrote is lost.
 */
export class Node {
  readonly kind: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #unread: Set<string>;

  constructor(kind: string, fields: unknown) {
    this.kind = kind;
    this.#fields = isRecord(fields) ? fields : {};
    this.#unread = new Set(
      Object.entries(this.#fields).flatMap(([name, value]) =>
        isEmpty(value) || notes.has(name) || name === "comments" || name.endsWith("_comments") ? [] : [name],
      ),
    );
  }

  /** A node in the parser's form: an object with its kind as the only key. */
  static from(raw: unknown): Node {
    if (!isRecord(raw)) throw new Refusal("", "The parser gave no tree that can be read");
    const [kind] = Object.keys(raw);
    if (kind === undefined) throw new Refusal("", "The parser gave an empty node");
    const inner = raw[kind];
    // An expression with a comment after it.
    if (kind === "annotated" && isRecord(inner)) return Node.from(inner.this);
    return new Node(kind, raw[kind]);
  }

  has(name: string): boolean {
    return !isEmpty(this.#fields[name]);
  }

  raw(name: string): unknown {
    this.#unread.delete(name);
    return this.#fields[name];
  }

  flag(name: string): boolean {
    return this.raw(name) === true;
  }

  text(name: string): string {
    const value = this.raw(name);
    return typeof value === "string" ? value : "";
  }

  /** A name is an object with its text. */
  name(name: string): string {
    const value = this.raw(name);
    if (typeof value === "string") return value;
    return isRecord(value) && typeof value.name === "string" ? value.name : "";
  }

  /** The node in a field, which may hold none. */
  optional(name: string): Node | undefined {
    const value = this.raw(name);
    return isEmpty(value) ? undefined : Node.from(value);
  }

  node(name: string): Node {
    const found = this.optional(name);
    if (!found) throw new Refusal(this.kind, `The parser gave no ${name} of ${this.kind}`);
    return found;
  }

  nodes(name: string): readonly Node[] {
    return this.list(name).map((item) => Node.from(item));
  }

  list(name: string): readonly unknown[] {
    const value = this.raw(name);
    return Array.isArray(value) ? value : [];
  }

  /** The fields in an object that has no kind of its own. */
  part(name: string): Node | undefined {
    const value = this.raw(name);
    return isEmpty(value) ? undefined : new Node(name, value);
  }

  /** The clause of a SELECT. */
  clause(name: string): Node | undefined {
    return this.part(name.toLowerCase());
  }

  parts(name: string): readonly Node[] {
    return this.list(name).map((item) => new Node(name, item));
  }

  /** Refuses what was not read. */
  end(word: string): void {
    const [left] = this.#unread;
    if (left !== undefined)
      throw new Refusal(word, `${left.replaceAll("_", " ").toUpperCase()} is not supported here`);
  }
}

/** Fields that say how something was written, and nothing about what it means. */
const notes = new Set([
  "alias_explicit_as",
  "alias_keyword",
  "alias_first",
  "bracket_notation",
  "double_colon_syntax",
  "inferred_type",
  "kind_text",
  "leading_comments",
  "nesting_group",
  "original_name",
  "quoted",
  "span",
  "start_side_text",
  "end_side_text",
  "use_bracket_syntax",
]);

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0)
  );
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
