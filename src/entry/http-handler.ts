import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError, debugStack, errorMessage } from "../core/errors/errors.ts";
import type { JsonObject } from "../core/values/json.ts";
import type { Delivery } from "../ports/broker.ts";
import type { CallerCheck } from "../ports/machine.ts";
import type { Logger } from "../ports/telemetry.ts";
import { type EntryRequest, type ParsedRequest, rejectAllSeals, type SealCheck } from "./parse-message.ts";
import { isRedelivered, parseRequest } from "./parse-request.ts";

/** The outcome of a delivery, with the fields that a person who posted it by hand needs. */
export interface DeliveryReport {
  readonly outcome: "done" | "dead-lettered";
  /** The batch that a start created. */
  readonly batchId?: string | undefined;
  /** The stored message, to replay it by. */
  readonly deadLetterId?: string | undefined;
  readonly code?: ErrorCode | undefined;
  readonly message?: string | undefined;
  readonly remedy?: string | undefined;
}

/** Receives requests after parsing. */
export interface Intake {
  /** Resolves when the delivery may be acknowledged. Rejects if it must be delivered again. */
  deliver(delivery: Delivery): Promise<DeliveryReport>;
  /** Stores a request that is no message as a dead letter. Returns the dead letter's id. */
  reject(request: EntryRequest, error: BatonError): Promise<string>;
}

/** How the entry checks callers, and the seals of messages. */
export interface HttpTrust {
  /** Absent where every caller may post, or where callers are checked before the request arrives. */
  readonly callers?: CallerCheck | undefined;
  readonly isSealed?: SealCheck | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: JsonObject;
}

/** Never rejects. */
export type HttpHandler = (request: EntryRequest) => Promise<HttpResponse>;

/**
 * Responds with 401 to unknown callers, 200 to a handled message and 503 to a message that must be sent again. A dead
 * letter gets 202 if its sender would repeat anything else, and otherwise a 4xx.
 */
export function createHttpHandler(intake: Intake, logger: Logger, trust: HttpTrust = {}): HttpHandler {
  const { callers, isSealed = rejectAllSeals } = trust;
  return async (request) => {
    if (request.method !== "POST") return respondWithoutMessage(request);
    if (isFromForeignOrigin(request))
      return errorResponse(403, new BatonError("ORIGIN_REFUSED", "A web page of another origin sent this"));
    try {
      await callers?.check(request.headers.authorization);
      return await handlePost(request, parseOrError(request, isSealed), intake);
    } catch (thrown) {
      if (thrown instanceof BatonError && thrown.code === "CALLER_REFUSED")
        return rejectCaller(thrown, logger);
      return respondWithFailure(thrown, logger);
    }
  };
}

/** The response to a request that failed. All errors of the entry have this form. */
export function errorResponse(status: number, error: BatonError): HttpResponse {
  return { status, body: { status: "error", ...errorFields(error) } };
}

async function handlePost(
  request: EntryRequest,
  parsed: ParsedRequest | BatonError,
  intake: Intake,
): Promise<HttpResponse> {
  if (parsed instanceof BatonError) {
    const deadLetterId = await intake.reject(request, parsed);
    return {
      status: deadLetterStatus(request, parsed.code),
      body: { status: "dead-letter", deadLetterId, ...errorFields(parsed) },
    };
  }
  if ("ignored" in parsed) return { status: 200, body: { status: "ignored", reason: parsed.ignored } };
  return respondWithReport(request, await intake.deliver(parsed));
}

/** The statuses of dead letters for senders that read the response. Any other code gets 400. */
const statusOfCode: ReadonlyMap<ErrorCode, number> = new Map([
  ["WORKFLOW_UNKNOWN", 404],
  ["BATCH_UNKNOWN", 404],
  ["TASK_UNKNOWN", 404],
  ["BATCH_EXPIRED", 410],
  ["DEFINITION_MISSING", 410],
  ["INPUT_TOO_LARGE", 413],
  ["INPUT_INVALID", 422],
]);

/** 202 for a defect of Baton, which is no fault of the sender: the request has been stored. */
function deadLetterStatus(request: EntryRequest, code: ErrorCode = "INTERNAL"): number {
  if (code === "INTERNAL" || isRedelivered(request)) return 202;
  return statusOfCode.get(code) ?? 400;
}

/** An error without a code is a defect of Baton. The same body would fail again, so it becomes a dead letter too. */
function parseOrError(request: EntryRequest, isSealed: SealCheck): ParsedRequest | BatonError {
  try {
    return parseRequest(request, isSealed);
  } catch (thrown) {
    if (thrown instanceof BatonError) return thrown;
    return new BatonError("INTERNAL", "The request could not be read", { cause: thrown });
  }
}

function respondWithReport(request: EntryRequest, report: DeliveryReport): HttpResponse {
  const { outcome, ...details } = report;
  const fields = Object.entries(details).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const isDead = outcome === "dead-lettered";
  return {
    status: isDead ? deadLetterStatus(request, report.code) : 200,
    body: { status: isDead ? "dead-letter" : "done", ...Object.fromEntries(fields) },
  };
}

function respondWithoutMessage({ method, path }: EntryRequest): HttpResponse {
  if (method === "GET" && (path === "/" || path === "/healthz"))
    return { status: 200, body: { status: "ok" } };
  return errorResponse(405, new BatonError("METHOD_NOT_ALLOWED", `${method} is not allowed here`));
}

/** A web page that the user has open can post to servers on the user's machine. The origin reveals it. */
function isFromForeignOrigin({ headers }: EntryRequest): boolean {
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}

function rejectCaller(error: BatonError, logger: Logger): HttpResponse {
  logger.warn("a caller was refused", { code: error.code, error: error.message });
  return errorResponse(401, error);
}

/** Errors without a code may contain paths, hosts or data, so they are only logged. */
function respondWithFailure(thrown: unknown, logger: Logger): HttpResponse {
  const error =
    thrown instanceof BatonError
      ? thrown
      : new BatonError("INTERNAL", "The message was not handled; send it again", { cause: thrown });
  logger.error("Delivery failed", {
    code: error.code,
    error: errorMessage(thrown),
    stack_trace: debugStack(thrown),
  });
  return errorResponse(503, error);
}

function errorFields({ code, message, remedy }: BatonError): JsonObject {
  return { code, message, remedy };
}
