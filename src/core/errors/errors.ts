import { limits } from "../limits.ts";
import type { JsonObject } from "../values/json.ts";
import { isSecretName } from "../values/secrets.ts";
import { truncate } from "../values/text.ts";
import { type ErrorCode, errorCatalog } from "./error-catalog.ts";
import type { Disposition } from "./task-errors.ts";

export interface ErrorContext {
  /** Where it happened: a file and line, a document or a field. */
  readonly where?: string;
  readonly details?: JsonObject;
  readonly cause?: unknown;
  /** Replaces the remedy of the code, for a more specific one. */
  readonly remedy?: string;
  /** The wait before a retry that the remote service asks for. */
  readonly retryAfterSeconds?: number | undefined;
}

/** An error that a user may see. Its code has a remedy and a disposition in the catalogue. */
export class BatonError extends Error {
  override readonly name: string = "BatonError";
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly details: JsonObject | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly #remedy: string | undefined;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(context.where ? `${message} (${context.where})` : message, { cause: context.cause });
    this.code = code;
    this.where = context.where;
    this.details = context.details;
    this.retryAfterSeconds = context.retryAfterSeconds;
    this.#remedy = context.remedy;
  }

  get remedy(): string {
    return this.#remedy ?? errorCatalog[this.code].remedy;
  }

  get disposition(): Disposition {
    return errorCatalog[this.code].disposition;
  }
}

export interface TaskErrorOptions {
  /** Whether another attempt may succeed. Default true. */
  readonly retryable?: boolean;
  /** Any code, Baton's own included. Default `TASK_FAILED`. */
  readonly code?: string;
  readonly cause?: unknown;
  /**
   * Shortest wait before the next attempt, in seconds, such as the `Retry-After` of a response. The retry policy's own
   * wait counts if it is longer. At most a day (`limits.retryAfterSeconds`).
   */
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * `instanceof BatonError` also recognises an error of another copy of the package, which a workflow file may import. A
 * class below it inherits this, and recognises its own errors only.
 */
Object.defineProperty(BatonError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    return this === BatonError && value instanceof Error && value.name === "BatonError" && isKnownCode(value);
  },
});

function isKnownCode(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && Object.hasOwn(errorCatalog, error.code);
}

/** What a task throws to fail. Anything else it throws counts as a retryable TaskError. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly retryable: boolean;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: TaskErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? true;
    this.code = options.code ?? "TASK_FAILED";
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What a task throws to end SKIPPED: there is nothing to do. It is not retried, and its message is shown. */
export class Skip extends Error {
  override readonly name = "Skip";
}

/** By name: a workflow may have been loaded with another copy of the package. */
export function isSkip(thrown: unknown): thrown is Skip {
  return thrown instanceof Error && thrown.name === "Skip";
}

/** The stack of an unexpected error. Undefined for errors with a code: their messages say enough. */
export function debugStack(thrown: unknown): string | undefined {
  try {
    // By name: a workflow may have been loaded with another copy of the package.
    const isCoded = thrown instanceof Error && (thrown.name === "BatonError" || thrown.name === "TaskError");
    return thrown instanceof Error && !isCoded ? thrown.stack : undefined;
  } catch {
    return undefined;
  }
}

/** The `code` field of an error: of the system, such as `ENOENT`, of gRPC, of HTTP or of Baton. */
export function errorCode(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

/** When a message is too long to be stored, each of its parts is cut to this length; a single part to the other. */
const longestPart = 1_000;
const longestAlone = 20_000;
const mostErrors = 5;
const deepest = 8;

/**
 * Why something failed: the messages of the thrown value, its causes and the errors that it aggregates. Takes any
 * thrown value: errors of any library, plain objects, strings, and objects whose getters throw. Never throws.
 */
export function errorMessage(thrown: unknown): string {
  try {
    const parts = partsOf(thrown, []);
    const text = joined(parts) || "a value without a message was thrown";
    if (text.length <= limits.errorMessageCharacters) return text;
    // One long part must not displace the others.
    return joined(parts.map((part) => truncate(part, parts.length > 1 ? longestPart : longestAlone)));
  } catch {
    return "a value that can't be shown was thrown";
  }
}

/** Parts whose text an earlier part contains are left out. */
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

/** Whether it is one of Baton's own errors, whose messages already include their causes. */
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
  // Node's fetch puts the reason into the cause.
  if (message === "fetch failed" && field(thrown, "cause") !== undefined) return "";
  const details = [field(thrown, "detail"), field(thrown, "details")].filter(
    (text) => typeof text === "string",
  );
  const text = joined([message, ...details]);
  const code = field(thrown, "code");
  const isTold = thrown instanceof Error || (typeof code !== "string" && typeof code !== "number");
  return isTold || text.includes(String(code)) ? text : `${text} (${code})`;
}

/** A thrown object that is no Error, as JSON without its secrets. */
function plainText(thrown: object): string {
  const text: unknown = JSON.stringify(thrown, (name, value: unknown) => {
    if (isSecretName(name)) return "…";
    if (typeof value === "bigint") return String(value);
    return value instanceof Error ? errorMessage(value) : value;
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

/** The errors of an AggregateError, or those that a client library lists in `errors`. */
function errorsText(thrown: object, above: readonly unknown[]): string {
  const errors = field(thrown, "errors");
  if (!(thrown instanceof Error) || !Array.isArray(errors)) return "";
  const texts = errors
    .slice(0, mostErrors)
    .map((error: unknown) => truncate(joined(partsOf(error, above)), longestPart));
  return [...new Set([...texts, ...moreThan(errors)])].filter((text) => text !== "").join("; ");
}

function moreThan(all: readonly unknown[]): string[] {
  return all.length > mostErrors ? [`and ${all.length - mostErrors} more`] : [];
}

function innerParts(thrown: object, name: string, above: readonly unknown[]): string[] {
  const inner = field(thrown, name);
  // Only a SuppressedError keeps errors in `error` and `suppressed`; other objects keep other values there.
  if (inner === undefined || inner === null || (name !== "cause" && !(inner instanceof Error))) return [];
  return partsOf(inner, above);
}

function nameOf(thrown: object): string {
  const code = field(thrown, "code");
  const name = field(thrown, "name");
  const shown = typeof name === "string" && name !== "" ? name : "an object without a message";
  return typeof code === "string" || typeof code === "number" ? `${shown} (${code})` : shown;
}

/** A getter of a thrown object may throw. */
function field(thrown: object, name: string): unknown {
  try {
    return Reflect.get(thrown, name);
  } catch {
    return undefined;
  }
}
