import { type Services, TaskError } from "baton-dag";
import * as z from "zod";

interface PremiumQuestion {
  /** Answers `GET <url>?document_id=…` with `{ "premium": true }` or `{ "premium": false }`. */
  readonly url: string;
  readonly documentId: string;
  readonly signal: AbortSignal;
}

const AnswerSchema = z.object({ premium: z.boolean() });

const timeoutSeconds = 10;
const mostAnswerBytes = 64 * 1_024;

/**
 * Asks a service whether a document is one of a premium account. Throws a TaskError: `PREMIUM_UNKNOWN` when the answer
 * is none, and what the HTTP client throws.
 */
export async function askPremium(http: Services["http"], question: PremiumQuestion): Promise<boolean> {
  const url = URL.parse(question.url);
  if (!url)
    throw new TaskError(`"${question.url}" is not a URL`, { code: "PREMIUM_UNKNOWN", retryable: false });
  url.searchParams.set("document_id", question.documentId);
  const { status, body } = await http.request({
    url: url.href,
    method: "GET",
    headers: { accept: "application/json" },
    body: undefined,
    timeoutSeconds,
    maxResponseBytes: mostAnswerBytes,
    signal: question.signal,
  });
  const answer = status === 200 ? AnswerSchema.safeParse(parseJson(body)) : undefined;
  if (answer?.success) return answer.data.premium;
  // What the service can't say now it may say later; an unknown document stays unknown.
  const retryable = status !== 404;
  const message = `The premium service said nothing of ${question.documentId}: it answered ${status}`;
  throw new TaskError(message, { code: "PREMIUM_UNKNOWN", retryable });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
