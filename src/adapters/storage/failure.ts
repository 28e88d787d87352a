import * as z from "zod";
import { BatonError, messageOf } from "../../core/errors.ts";
import { jsonIn } from "../../core/json.ts";
import type { ObjectName } from "../../ports/objects.ts";

const passingStatuses: ReadonlySet<number> = new Set([408, 429]);
const passingReasons: ReadonlySet<string> = new Set([
  "rateLimitExceeded",
  "userRateLimitExceeded",
  "conditionalRequestConflict",
]);

/** A call that Cloud Storage refused, or that nobody answered. */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure";
  /** Undefined when no answer came: the call may have been done. */
  readonly status: number | undefined;
  /** Whether the same call may succeed later. */
  readonly isPassing: boolean;

  constructor(message: string, status: number | undefined, isPassing: boolean, cause: unknown) {
    super(message, { cause });
    this.status = status;
    this.isPassing = isPassing;
  }
}

const DetailsSchema = z.object({ reason: z.string().catch("") });
/** What the client throws: the code is a status, or the name of a network error. */
const ThrownSchema = z.object({
  code: z.coerce.number().int().min(100).max(599).optional().catch(undefined),
  errors: z.array(DetailsSchema).catch([]),
});
/** The answer to a download is unread: plain text, or JSON. */
const AnswerSchema = z
  .string()
  .transform(jsonIn)
  .pipe(z.object({ error: z.object({ message: z.string(), errors: z.array(DetailsSchema).catch([]) }) }));

/** What the client threw, sorted. Without a status it is the network, or an answer that got damaged on the way. */
export function failureOf(thrown: unknown): StorageFailure {
  if (thrown instanceof StorageFailure) return thrown;
  const { code: status, errors } = ThrownSchema.catch({ code: undefined, errors: [] }).parse(thrown);
  const answer = AnswerSchema.safeParse(messageOf(thrown)).data?.error;
  const isPassing =
    status === undefined ||
    status >= 500 ||
    passingStatuses.has(status) ||
    [...errors, ...(answer?.errors ?? [])].some(({ reason }) => passingReasons.has(reason));
  return new StorageFailure(answer?.message ?? messageOf(thrown), status, isPassing, thrown);
}

export function missing(name: ObjectName, problem = "there is no such object"): BatonError {
  return new BatonError("FILE_MISSING", `${name.object}: ${problem}`, { where: `bucket ${name.bucket}` });
}

export function changed(name: ObjectName, problem: string): BatonError {
  return new BatonError("FILE_CHANGED", `${name.object} ${problem}`, { where: `bucket ${name.bucket}` });
}

/** A failure as Baton tells it. */
export function explainFailure(error: unknown, name: ObjectName): unknown {
  if (!(error instanceof StorageFailure)) return error;
  const context = { where: `bucket ${name.bucket}`, cause: error };
  const message = `${name.object}: ${error.message}`;
  if (error.isPassing) return new BatonError("OBJECTS_UNAVAILABLE", message, context);
  switch (error.status) {
    case 401:
    case 403:
      return new BatonError("FILE_DENIED", message, context);
    case 404:
      return missing(name, error.message);
    case 412:
      return changed(name, `was changed meanwhile: ${error.message}`);
    default:
      return new BatonError("OBJECTS_REFUSED", message, context);
  }
}
