import { BatonError } from "../errors/errors.ts";
import { isJsonObject, type JsonValue } from "../values/json.ts";
import { parseTemplate, type Reference, type TemplatePiece } from "./template-syntax.ts";

/** The values to which `{{ … }}` may refer. A parent's result is loaded only if a template refers to it. */
export interface TemplateScope {
  readonly batchId: string;
  readonly input: JsonValue;
  readonly parent: (taskId: string) => Promise<JsonValue>;
  /** The replacement of a secret. Absent: the reference stays in the text, so that nothing stored holds a secret. */
  readonly secret?: (name: string) => string;
}

/**
 * Fills `{{ input.a.b }}`, `{{ parents.load.rows }}`, `{{ batchId }}` and `{{ secrets.NAME }}` in every string of the
 * parameters. `{{ 'text' }}` gives literal text. A string that only consists of one reference gets the value with its
 * type. Templates in filled values are not expanded. Throws `TEMPLATE_INVALID`.
 */
export function fillTemplate(value: JsonValue, scope: TemplateScope): Promise<JsonValue> {
  return fill(value, withCachedParents(scope));
}

/** The result of a parent may be large, and many placeholders may refer to it. */
function withCachedParents(scope: TemplateScope): TemplateScope {
  const results = new Map<string, Promise<JsonValue>>();
  return {
    ...scope,
    parent: (taskId) => {
      const result = results.get(taskId) ?? scope.parent(taskId);
      results.set(taskId, result);
      return result;
    },
  };
}

async function fill(value: JsonValue, scope: TemplateScope): Promise<JsonValue> {
  if (typeof value === "string") return value.includes("{{") ? fillString(value, scope) : value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => fill(item, scope)));
  if (isJsonObject(value)) {
    const entries = Object.entries(value).map(async ([key, item]) => [key, await fill(item, scope)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }
  return value;
}

async function fillString(text: string, scope: TemplateScope): Promise<JsonValue> {
  const pieces = parseTemplate(text);
  const [first] = pieces;
  if (pieces.length === 1 && first) return (await resolvePiece(first, scope)) ?? null;
  let filled = "";
  for (const piece of pieces) {
    const value = await resolvePiece(piece, scope);
    filled += typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  }
  return filled;
}

/** Undefined for an optional reference without a value. */
async function resolvePiece(piece: TemplatePiece, scope: TemplateScope): Promise<JsonValue | undefined> {
  if (piece.kind === "text") return piece.text;
  if (piece.kind === "mistake") throw new BatonError("TEMPLATE_INVALID", piece.problem);
  const { reference } = piece;
  const value = await lookUp(reference, scope);
  return reference.isOptional && value === null ? undefined : value;
}

async function lookUp(reference: Reference, scope: TemplateScope): Promise<JsonValue> {
  const { root, path } = reference;
  const [name = "", ...fields] = path;
  switch (root) {
    case "batchId":
      return scope.batchId;
    case "input":
      return descend(scope.input, path, reference);
    case "parents":
      return descend(await scope.parent(name), fields, reference);
    case "secrets":
      return scope.secret ? scope.secret(name) : secretReference(name);
  }
}

function descend(value: JsonValue, fields: readonly string[], { isOptional, source }: Reference): JsonValue {
  let current: JsonValue | undefined = value;
  for (const field of fields) {
    current = readPart(current, field);
    if (current !== undefined) continue;
    if (isOptional) return null;
    throw new BatonError("TEMPLATE_INVALID", `{{ ${source} }}: there is no "${field}"`);
  }
  return current ?? null;
}

/** A field of an object, or an element or the length of an array. */
function readPart(holder: JsonValue, name: string): JsonValue | undefined {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, name)) return undefined;
  if (isJsonObject(holder)) return holder[name];
  return name === "length" ? holder.length : holder[Number(name)];
}

/** Whether a text only consists of one optional reference. */
export function isOptionalReference(text: string): boolean {
  const [piece, ...others] = parseTemplate(text);
  return others.length === 0 && piece?.kind === "reference" && piece.reference.isOptional;
}

/** The names of the secrets to which a text refers. */
export function secretsIn(text: string): string[] {
  const named = parseTemplate(text).flatMap((piece) =>
    piece.kind === "reference" && piece.reference.root === "secrets" ? piece.reference.path : [],
  );
  return [...new Set(named)];
}

/** The text with the references to a secret replaced. */
export function replaceSecret(text: string, name: string, replacement: string): string {
  return text.replaceAll(secretReference(name), () => replacement);
}

function secretReference(name: string): string {
  return `{{ secrets.${name} }}`;
}
