import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError, debugStack, errorMessage } from "../core/errors/errors.ts";
import type { JsonObject } from "../core/values/json.ts";
import type { Delivery } from "../ports/broker.ts";
import type { CallerCheck } from "../ports/machine.ts";
import type { Logger } from "../ports/telemetry.ts";
import { isRedelivered, parseRequest } from "./parse-request.ts";
import { type EntryRequest, type ParsedRequest, rejectAllSeals, type SealCheck } from "./request.ts";

/** What became of a delivery. The fields say what a person who posted it by hand wants to know. */
export interface DeliveryReport {
  readonly outcome: "done" | "dead-lettered";
  /** Of a start: the batch that runs now. */
  readonly batchId?: string | undefined;
  /** Of a dead letter: its id, and why. */
  readonly deadLetterId?: string | undefined;
  readonly code?: ErrorCode | undefined;
  readonly message?: string | undefined;
  readonly remedy?: string | undefined;
}

/** Where requests go once they are parsed, or could not be. */
export interface Intake {
  /** Resolves when nothing more depends on this delivery; rejects to have it delivered again. */
  deliver(delivery: Delivery): Promise<DeliveryReport>;
  /** Keeps a request that is no message as a dead letter; returns the dead letter's id. */
  refuse(request: EntryRequest, error: BatonError): Promise<string>;
}

/** Who may post, and whom to believe. */
export interface HttpTrust {
  /** Absent: whoever gets here may post, since something before it has looked. */
  readonly callers?: CallerCheck | undefined;
  readonly isSealed?: SealCheck | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

/** Never rejects. */
export type HttpHandler = (request: EntryRequest) => Promise<HttpAnswer>;

/**
 * Answers 401 to callers that are not known, 200 for what is done and 503 for what is to be sent again. What has become
 * a dead letter is answered by 202 where anything else would have it delivered again, and otherwise by a 4xx.
 */
export function createHttpHandler(intake: Intake, logger: Logger, trust: HttpTrust = {}): HttpHandler {
  const { callers, isSealed = rejectAllSeals } = trust;
  return async (request) => {
    if (request.method !== "POST") return answerWithoutMessage(request);
    if (isFromForeignPage(request))
      return errorAnswer(403, new BatonError("ORIGIN_REFUSED", "A web page of another origin sent this"));
    try {
      await callers?.check(request.headers.authorization);
      return await take(request, parseOrError(request, isSealed), intake);
    } catch (thrown) {
      if (thrown instanceof BatonError && thrown.code === "CALLER_REFUSED")
        return refuseCaller(thrown, logger);
      return answerFailure(thrown, logger);
    }
  };
}

/** The answer to a request that ended in an error: what every error of the entry looks like. */
export function errorAnswer(status: number, error: BatonError): HttpAnswer {
  return { status, body: { status: "error", ...described(error) } };
}

async function take(
  request: EntryRequest,
  parsed: ParsedRequest | BatonError,
  intake: Intake,
): Promise<HttpAnswer> {
  if (parsed instanceof BatonError) {
    const deadLetterId = await intake.refuse(request, parsed);
    return {
      status: refusedStatus(request, parsed.code),
      body: { status: "dead-letter", deadLetterId, ...described(parsed) },
    };
  }
  if ("ignored" in parsed) return { status: 200, body: { status: "ignored", reason: parsed.ignored } };
  return answerReport(request, await intake.deliver(parsed));
}

/** Dead letters of senders that look at the answer; of any other code it is 400, a bad request. */
const plainStatuses: ReadonlyMap<ErrorCode, number> = new Map([
  ["WORKFLOW_UNKNOWN", 404],
  ["BATCH_UNKNOWN", 404],
  ["TASK_UNKNOWN", 404],
  ["BATCH_EXPIRED", 410],
  ["DEFINITION_MISSING", 410],
  ["INPUT_TOO_LARGE", 413],
  ["INPUT_INVALID", 422],
]);

/** A defect of ours is no fault of the sender: the request is kept, and that is all there is to say. */
function refusedStatus(request: EntryRequest, code: ErrorCode = "INTERNAL"): number {
  if (code === "INTERNAL" || isRedelivered(request)) return 202;
  return plainStatuses.get(code) ?? 400;
}

/** An error of any other kind is a defect here: the same body would meet it again, so it is a dead letter too. */
function parseOrError(request: EntryRequest, isSealed: SealCheck): ParsedRequest | BatonError {
  try {
    return parseRequest(request, isSealed);
  } catch (thrown) {
    if (thrown instanceof BatonError) return thrown;
    return new BatonError("INTERNAL", "The request could not be read", { cause: thrown });
  }
}

function answerReport(request: EntryRequest, report: DeliveryReport): HttpAnswer {
  const { outcome, ...rest } = report;
  const known = Object.entries(rest).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const dead = outcome === "dead-lettered";
  return {
    status: dead ? refusedStatus(request, report.code) : 200,
    body: { status: dead ? "dead-letter" : "done", ...Object.fromEntries(known) },
  };
}

function answerWithoutMessage({ method, path }: EntryRequest): HttpAnswer {
  if (method === "GET" && (path === "/" || path === "/healthz"))
    return { status: 200, body: { status: "ok" } };
  return errorAnswer(405, new BatonError("METHOD_NOT_ALLOWED", `${method} is not allowed here`));
}

/** A page that somebody has open posts to servers on his machine without asking, as long as nobody looks who sent it. */
function isFromForeignPage({ headers }: EntryRequest): boolean {
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}

function refuseCaller(error: BatonError, logger: Logger): HttpAnswer {
  logger.warn("a caller was refused", { code: error.code, error: error.message });
  return errorAnswer(401, error);
}

/** Errors without a code may tell of paths, hosts or data: those go to the log alone. */
function answerFailure(thrown: unknown, logger: Logger): HttpAnswer {
  const error =
    thrown instanceof BatonError
      ? thrown
      : new BatonError("INTERNAL", "The message was not handled; send it again", { cause: thrown });
  logger.error("Delivery failed", {
    code: error.code,
    error: errorMessage(thrown),
    stack_trace: debugStack(thrown),
  });
  return errorAnswer(503, error);
}

function described({ code, message, remedy }: BatonError): JsonObject {
  return { code, message, remedy };
}
