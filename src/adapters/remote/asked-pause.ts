import * as z from "zod";
import { limits } from "../../core/limits.ts";
import { retryAfterSeconds, retryDelaySeconds } from "../../core/retry-after.ts";

/** Seconds that the headers of an answer ask to be left in peace. */
export function pauseAskedBy(headers: Pick<Headers, "get">): number | undefined {
  const asked = { retryAfter: headers.get("retry-after"), date: headers.get("date") };
  return retryAfterSeconds(asked, Date.now());
}

const RetryInfoSchema = z.object({
  error: z.object({
    details: z.array(
      z.object({ "@type": z.string().catch(""), retryDelay: z.string().optional().catch(undefined) }),
    ),
  }),
});

/** The same, of a refusal of Google's: its JSON may say it where its headers don't. */
export function pauseAskedByGoogle(headers: Pick<Headers, "get">, body: unknown): number | undefined {
  const details = RetryInfoSchema.safeParse(body).data?.error.details ?? [];
  const info = details.find((one) => one["@type"].endsWith("/google.rpc.RetryInfo"));
  return pauseAskedBy(headers) ?? retryDelaySeconds(info?.retryDelay ?? "");
}

/**
 * Milliseconds until a call is sent again: those that its adapter would wait, or that the service asks for. Undefined
 * when the service asks for more than is waited in place: then the call fails, and its task waits.
 */
export function waitBeforeRepeating(ownWaitMs: number, askedSeconds: number | undefined): number | undefined {
  const asked = askedSeconds ?? 0;
  return asked > limits.retryInPlaceSeconds ? undefined : Math.max(ownWaitMs, asked * 1_000);
}
