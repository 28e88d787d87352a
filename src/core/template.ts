import { BatonError } from "./errors.ts";
import { isJsonObject, type JsonValue } from "./json.ts";

/** What `{{ … }}` in a task's parameters may refer to. Parents are looked up only when they are named. */
export interface TemplateScope {
  readonly batchId: string;
  readonly input: JsonValue;
  readonly parent: (taskId: string) => Promise<JsonValue>;
}

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g;
const wholePlaceholder = /^\{\{\s*([^{}]*?)\s*\}\}$/;

/**
 * Fills `{{ input.a.b }}`, `{{ parents.load.rows }}` and `{{ batchId }}` in every string of the parameters.
 * A string that is one placeholder and nothing else keeps the type of its value. Throws `TEMPLATE_INVALID`.
 */
export function fillTemplate(value: JsonValue, scope: TemplateScope): Promise<JsonValue> {
  return fill(value, readingOnce(scope));
}

/** The result of a parent may be large, and many placeholders may name it. */
function readingOnce(scope: TemplateScope): TemplateScope {
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
  if (typeof value === "string") return fillString(value, scope);
  if (Array.isArray(value)) return Promise.all(value.map((item) => fill(item, scope)));
  if (isJsonObject(value)) {
    const entries = Object.entries(value).map(async ([key, item]) => [key, await fill(item, scope)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }
  return value;
}

async function fillString(text: string, scope: TemplateScope): Promise<JsonValue> {
  const whole = wholePlaceholder.exec(text);
  if (whole) return lookUp(whole[1] ?? "", scope);
  let filled = "";
  let end = 0;
  for (const match of text.matchAll(placeholder)) {
    const value = await lookUp(match[1] ?? "", scope);
    filled += text.slice(end, match.index) + (typeof value === "string" ? value : JSON.stringify(value));
    end = match.index + match[0].length;
  }
  return filled + text.slice(end);
}

async function lookUp(path: string, scope: TemplateScope): Promise<JsonValue> {
  const [root, ...rest] = path.split(".");
  if (path === "batchId") return scope.batchId;
  if (root === "input") return descend(scope.input, rest, path);
  const [taskId, ...fields] = rest;
  if (root === "parents" && taskId !== undefined) return descend(await scope.parent(taskId), fields, path);
  throw new BatonError("TEMPLATE_INVALID", `{{ ${path} }} refers to nothing`);
}

function descend(value: JsonValue, fields: readonly string[], path: string): JsonValue {
  let current: JsonValue | undefined = value;
  for (const field of fields) {
    current = partOf(current, field);
    if (current === undefined)
      throw new BatonError("TEMPLATE_INVALID", `{{ ${path} }}: there is no "${field}"`);
  }
  return current ?? null;
}

/** A field of an object; an element of an array, or its length. */
function partOf(holder: JsonValue, name: string): JsonValue | undefined {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, name)) return undefined;
  if (isJsonObject(holder)) return holder[name];
  return name === "length" ? holder.length : holder[Number(name)];
}
