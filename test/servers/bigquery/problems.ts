import { failure, type HttpReply } from "../kit/http-server.ts";

/** What is wrong with a request or a job, in BigQuery's words. */
export class BigQueryProblem extends Error {
  override readonly name = "BigQueryProblem";
  readonly status: number;
  readonly reason: string;
  /** More exact ones, as a job lists them in `errors`. */
  readonly details: readonly string[];

  constructor(status: number, reason: string, message: string, details: readonly string[] = []) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.details = details;
  }
}

export function notFound(what: string): BigQueryProblem {
  return new BigQueryProblem(404, "notFound", `Not found: ${what}`);
}

export function invalid(message: string, details: readonly string[] = []): BigQueryProblem {
  return new BigQueryProblem(400, "invalid", message, details);
}

/** What DuckDB threw while it ran a query. */
export function ofQuery(thrown: unknown): BigQueryProblem {
  if (thrown instanceof BigQueryProblem) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const table = /Table with name (\S+) does not exist/.exec(message)?.[1];
  if (table !== undefined)
    return new BigQueryProblem(404, "notFound", `Not found: Table ${table} was not found in location US`);
  if (/Could not convert|Conversion Error/.test(message) && /INSERT|assign/i.test(message))
    return new BigQueryProblem(400, "invalidQuery", `Value cannot be assigned: ${message}`);
  return new BigQueryProblem(400, "invalidQuery", message.replace(/^\w+ Error: /, ""));
}

export function replyOf(thrown: unknown): HttpReply {
  const problem = ofQuery(thrown);
  return failure(problem.status, problem.message, problem.reason);
}
