import { errorCatalog } from "./error-catalog.ts";
import { limits } from "./limits.ts";
import { isSecretName } from "./secrets.ts";
import { shortened } from "./short-text.ts";

/** Of a reason that is too long to be stored: its longest part, and the longest that is all there is. */
const longestPart = 1_000;
const longestAlone = 20_000;
const mostErrors = 5;
const deepest = 8;

/**
 * Why something failed: the message of what was thrown, of its causes, and of the errors it stands in for. Whatever
 * was thrown: errors of any library, plain objects, texts, and what refuses to be shown.
 */
export function messageOf(thrown: unknown): string {
  try {
    const parts = partsOf(thrown, []);
    const text = joined(parts) || "a value without a message was thrown";
    if (text.length <= limits.errorMessageCharacters) return text;
    // The longest leave room for the others.
    return joined(parts.map((part) => shortened(part, parts.length > 1 ? longestPart : longestAlone)));
  } catch {
    return "a value that can't be shown was thrown";
  }
}

/** What a part says that another has said already is left out. */
function joined(parts: readonly string[]): string {
  let text = "";
  for (const part of parts) {
    if (part === "" || text.includes(part)) continue;
    text = text === "" ? part : `${text.replace(/[.:\s]+$/, "")}: ${part}`;
  }
  return text;
}

function partsOf(thrown: unknown, above: readonly unknown[]): string[] {
  if (above.length >= deepest || above.includes(thrown)) return [];
  if (typeof thrown !== "object" || thrown === null) return [primitiveText(thrown)];
  const own = ownText(thrown);
  if (tellsAll(thrown)) return [own];
  const inside = [...above, thrown];
  const causes = ["cause", "error", "suppressed"].flatMap((name) => innerParts(thrown, name, inside));
  const parts = [own, errorsText(thrown, inside), ...causes].filter((part) => part !== "");
  return parts.length > 0 ? parts : [nameOf(thrown)];
}

function primitiveText(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  return typeof thrown === "function"
    ? `the function ${thrown.name || "without a name"} was thrown`
    : `${String(thrown)} was thrown`;
}

/** Errors of Baton's own have said why. */
function tellsAll(thrown: object): boolean {
  if (field(thrown, "name") === "BatonError") return true;
  const code = field(thrown, "code");
  const isOwn = typeof code === "string" && code !== "TASK_FAILED" && Object.hasOwn(errorCatalog, code);
  return field(thrown, "name") === "TaskError" && isOwn;
}

function ownText(thrown: object): string {
  const issues = field(thrown, "issues");
  if (thrown instanceof Error && Array.isArray(issues) && /^\$?ZodError$/.test(thrown.name))
    return issuesText(issues);
  const message = field(thrown, "message");
  if (typeof message !== "string") return thrown instanceof Error ? "" : plainText(thrown);
  // It only says that there is a cause.
  if (message === "fetch failed" && field(thrown, "cause") !== undefined) return "";
  const details = [field(thrown, "detail"), field(thrown, "details")].filter(
    (text) => typeof text === "string",
  );
  const text = joined([message, ...details]);
  const code = field(thrown, "code");
  const isTold = thrown instanceof Error || (typeof code !== "string" && typeof code !== "number");
  return isTold || text.includes(String(code)) ? text : `${text} (${code})`;
}

/** An object that is no error, as JSON without its secrets. */
function plainText(thrown: object): string {
  const text: unknown = JSON.stringify(thrown, (name, value: unknown) => {
    if (isSecretName(name)) return "…";
    if (typeof value === "bigint") return String(value);
    return value instanceof Error ? messageOf(value) : value;
  });
  return typeof text === "string" && !/^(\{\}|null)$/.test(text) ? text : "";
}

function issuesText(issues: readonly unknown[]): string {
  const texts = issues.slice(0, mostErrors).map((issue) => {
    if (typeof issue !== "object" || issue === null) return String(issue);
    const path = field(issue, "path");
    const message = String(field(issue, "message"));
    return Array.isArray(path) && path.length > 0 ? `${path.map(String).join(".")}: ${message}` : message;
  });
  return [...texts, ...moreThan(issues)].join("; ");
}

/** Those of an AggregateError, and of clients that list what a service has found. */
function errorsText(thrown: object, above: readonly unknown[]): string {
  const errors = field(thrown, "errors");
  if (!(thrown instanceof Error) || !Array.isArray(errors)) return "";
  const texts = errors
    .slice(0, mostErrors)
    .map((error: unknown) => shortened(joined(partsOf(error, above)), longestPart));
  return [...new Set([...texts, ...moreThan(errors)])].filter((text) => text !== "").join("; ");
}

function moreThan(all: readonly unknown[]): string[] {
  return all.length > mostErrors ? [`and ${all.length - mostErrors} more`] : [];
}

function innerParts(thrown: object, name: string, above: readonly unknown[]): string[] {
  const inner = field(thrown, name);
  // Only a SuppressedError has errors of these names; what others keep there is no error.
  if (inner === undefined || inner === null || (name !== "cause" && !(inner instanceof Error))) return [];
  return partsOf(inner, above);
}

function nameOf(thrown: object): string {
  const code = field(thrown, "code");
  const name = field(thrown, "name");
  const shown = typeof name === "string" && name !== "" ? name : "an object without a message";
  return typeof code === "string" || typeof code === "number" ? `${shown} (${code})` : shown;
}

/** A getter of what was thrown may throw itself. */
function field(thrown: object, name: string): unknown {
  try {
    return Reflect.get(thrown, name);
  } catch {
    return undefined;
  }
}
