import { BatonError } from "../errors/errors.ts";
import { isJsonObject, type JsonValue } from "../values/json.ts";
import { nearestName } from "../values/text.ts";

/** The names with which `{{ … }}` may begin. */
const roots = ["input", "parents", "batchId", "secrets"] as const;
type Root = (typeof roots)[number];

/** A reference such as `{{ input.a.b? }}`. */
export interface Reference {
  readonly root: Root;
  readonly path: readonly string[];
  /** It ends in `?`: a missing value becomes null. */
  readonly isOptional: boolean;
  /** The text between the braces. */
  readonly source: string;
}

export type TemplatePiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "reference"; readonly reference: Reference }
  | { readonly kind: "mistake"; readonly problem: string };

/** Names of secrets are part of the name of a variable. */
const secretName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `{{ 'text' }}`: literal text, in which quotes are doubled. */
const literal = /\{\{\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\s*\}\}/y;
const expression = /\{\{([^{}]*)\}\}/y;

/** Syntax of other template languages after a name: `| upper`, `|| 'x'`, `?? 'x'`, `== 1`, `['key']`, `[0]`, `()`. */
const afterName = /\s(?:\||\?\?|&&|[=!<>]=)|\|\||\[(?:\d+|'[^']*'|"[^"]*")\]$|\(\)$/;

/** Roots by which other tools refer to secrets. */
const foreignSecretRoots = ["env", "environment", "process", "vars", "secret"];

/** The pieces of a text in their order. Never throws: a mistake is a piece of its own kind. */
export function parseTemplate(text: string): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let end = 0;
  const addText = (to: number) => {
    if (to > end) pieces.push({ kind: "text", text: text.slice(end, to) });
  };
  for (let open = openingAfter(text, 0); open >= 0; open = openingAfter(text, end)) {
    addText(open);
    const found = pieceAt(text, open);
    pieces.push(found.piece);
    end = found.end;
  }
  addText(text.length);
  return pieces;
}

/** With more than two opening braces, the last two open the template. */
function openingAfter(text: string, from: number): number {
  let open = text.indexOf("{{", from);
  while (open >= 0 && text[open + 2] === "{") open += 1;
  return open;
}

function pieceAt(text: string, open: number): { readonly piece: TemplatePiece; readonly end: number } {
  literal.lastIndex = open;
  const [whole, single, double] = literal.exec(text) ?? [];
  if (whole !== undefined) {
    const unescaped = single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? "";
    return { piece: { kind: "text", text: unescaped }, end: open + whole.length };
  }
  expression.lastIndex = open;
  const [closed, inside = ""] = expression.exec(text) ?? [];
  if (closed !== undefined) return { piece: readExpression(inside.trim()), end: open + closed.length };
  const problem =
    `${shown(text.slice(open))} is not closed. Write }} at its end, or {{ '{{' }} ` +
    "for two braces as they are";
  return { piece: { kind: "mistake", problem }, end: open + 2 };
}

function readExpression(source: string): TemplatePiece {
  const isOptional = source.endsWith("?");
  const [first = "", ...path] = (isOptional ? source.slice(0, -1).trimEnd() : source).split(".");
  const root = roots.find((name) => name === first);
  const problem = root ? pathProblem(root, path, isOptional) : unknownRootProblem(first, path, source);
  if (root && problem === undefined)
    return { kind: "reference", reference: { root, path, isOptional, source } };
  return { kind: "mistake", problem: `${shown(`{{ ${source} }}`)} ${problem}` };
}

function pathProblem(root: Root, path: readonly string[], isOptional: boolean): string | undefined {
  if (path.some((name) => name === "")) return "has an empty name between its dots";
  if (path.some((name) => name !== name.trim())) return "has a space beside a dot";
  if (path.some((name) => afterName.test(name)))
    return (
      "has more than a name: templates have no filters, operators or brackets. Let an " +
      "earlier task compute the value"
    );
  switch (root) {
    case "input":
      return undefined;
    case "batchId":
      return path.length === 0 && !isOptional ? undefined : "refers to nothing: write {{ batchId }}";
    case "parents":
      return path.length > 0
        ? undefined
        : "names no task: write {{ parents.task }} or {{ parents.task.field }}";
    case "secrets":
      return path.length === 1 && secretName.test(path[0] ?? "") && !isOptional
        ? undefined
        : "names no secret: write {{ secrets.NAME }}, with letters, digits and _";
  }
}

function unknownRootProblem(first: string, path: readonly string[], source: string): string {
  const suffix = path.map((name) => `.${name}`).join("");
  if (foreignSecretRoots.includes(first.toLowerCase()))
    return `refers to nothing: secrets are named as {{ secrets.${path.at(-1) ?? "NAME"} }}`;
  const [bracketed] = roots.filter((root) => first.startsWith(`${root}[`));
  if (bracketed !== undefined) return `has brackets: names follow dots, as in {{ ${bracketed}.name.0 }}`;
  if (/^['"]/.test(first))
    return "is no text in quotes: one quote opens it, the same closes it, and each within it is doubled";
  const nearest = nearestName(first, roots);
  if (nearest !== undefined) return `refers to nothing; did you mean {{ ${nearest}${suffix} }}?`;
  const literalForm = shown(quoteAsTemplate(`{{ ${source} }}`));
  return (
    "refers to nothing: templates begin with input, parents, batchId or secrets. To send it " +
    `literally, write ${literalForm}`
  );
}

/** A template whose value is the text itself, including its braces. */
function quoteAsTemplate(text: string): string {
  return text.includes("'") && !text.includes('"')
    ? `{{ "${text}" }}`
    : `{{ '${text.replaceAll("'", "''")}' }}`;
}

const shownCharacters = 80;

function shown(text: string): string {
  const [line = ""] = text.split("\n", 1);
  return line.length > shownCharacters ? `${line.slice(0, shownCharacters)}…` : line;
}

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
