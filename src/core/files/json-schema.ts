import { kindPatterns } from "./column-kinds.ts";

/** The type of a JSON field. `json`: values of several types, or no value at all. */
export type JsonType =
  | { readonly kind: "boolean" | "integer" | "decimal" | "text" | "date" | "timestamp" | "json" }
  | { readonly kind: "object"; readonly fields: readonly JsonFieldType[] }
  | { readonly kind: "list"; readonly item: JsonType };

export interface JsonFieldType {
  readonly name: string;
  readonly type: JsonType;
}

type Scalar = "boolean" | "integer" | "decimal" | "text";

const date = new RegExp(`^(?:${kindPatterns.date})$`);
const timestamp = new RegExp(`^(?:${kindPatterns.timestamp})$`);

/**
 * Collects the values of a field, and finds their common type. Texts of a column are dates or times if all of them are;
 * texts inside objects and lists stay texts.
 */
export class JsonShape {
  readonly #depth: number;
  readonly #scalars = new Set<Scalar>();
  #texts = 0;
  #dates = 0;
  #times = 0;
  #fields: Map<string, { readonly name: string; readonly shape: JsonShape }> | undefined;
  #item: JsonShape | undefined;

  /** `depth`: 0 for a row, 1 for a column. */
  constructor(depth = 0) {
    this.#depth = depth;
  }

  addScalar(kind: Scalar, text = ""): void {
    this.#scalars.add(kind);
    if (kind !== "text") return;
    this.#texts += 1;
    if (this.#depth !== 1) return;
    // Once a text is no time, the field holds none.
    if (this.#times < this.#texts - 1 || !timestamp.test(text)) return;
    this.#times += 1;
    if (date.test(text)) this.#dates += 1;
  }

  /** The shape of a field of an object. Its first spelling is its name. */
  field(name: string): JsonShape {
    this.#fields ??= new Map();
    const key = name.toLowerCase();
    const known = this.#fields.get(key) ?? { name, shape: new JsonShape(this.#depth + 1) };
    this.#fields.set(key, known);
    return known.shape;
  }

  /** The value is an object, which may have no fields. */
  addObject(): void {
    this.#fields ??= new Map();
  }

  /** The value is a list, which may be empty. */
  addList(): JsonShape {
    this.#item ??= new JsonShape(this.#depth + 1);
    return this.#item;
  }

  get type(): JsonType {
    const scalar = this.#scalars.size > 0 ? scalarKind(this.#scalars) : undefined;
    const count = [scalar, this.#fields, this.#item].filter((found) => found !== undefined).length;
    if (count !== 1 || scalar === "json") return { kind: "json" };
    if (this.#fields) return this.#objectType;
    if (this.#item) return { kind: "list", item: this.#item.type };
    return { kind: scalar === undefined || scalar === "text" ? this.#textKind() : scalar };
  }

  get #objectType(): JsonType {
    const fields = [...(this.#fields?.values() ?? [])].map(({ name, shape }) => ({ name, type: shape.type }));
    return fields.length === 0 ? { kind: "json" } : { kind: "object", fields };
  }

  #textKind(): "text" | "date" | "timestamp" {
    if (this.#depth !== 1) return "text";
    if (this.#dates === this.#texts) return "date";
    return this.#times === this.#texts ? "timestamp" : "text";
  }
}

function scalarKind(kinds: ReadonlySet<Scalar>): Scalar | "json" {
  const [kind, ...others] = kinds;
  if (kind !== undefined && others.length === 0) return kind;
  const areNumbers = [...kinds].every((one) => one === "integer" || one === "decimal");
  return areNumbers ? "decimal" : "json";
}
