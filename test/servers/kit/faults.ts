/**
 * What may go wrong with one call, as its caller sees it:
 * `not_sent` — nothing is applied, and the caller sees that the service is unavailable;
 * `reply_lost` — it is applied, and the caller sees the same;
 * `error_after` — it is applied, and the caller sees an internal error, which clients do not retry;
 * `slow` — it is applied late;
 * `duplicated` — it is applied twice, and the caller gets the answer of the second time;
 * `unauthenticated` — nothing is applied, and the caller sees that its credentials are refused;
 * `strange` — something between the two answers, as no service does: before the call is applied, or after.
 */
export type Fault =
  | { readonly kind: "not_sent" | "reply_lost" | "error_after" | "duplicated" | "unauthenticated" }
  | { readonly kind: "slow"; readonly delayMs: number }
  | { readonly kind: "strange"; readonly answer: StrangeAnswer; readonly isApplied: boolean };

/** Answers of proxies, sign-in pages and half-dead servers, as HTTP. */
export const strangeAnswers = {
  page: { status: 200, headers: { "content-type": "text/html" }, body: Buffer.from("<html>Sign in</html>") },
  empty: { status: 200, headers: {}, body: Buffer.alloc(0) },
  "no content": { status: 204, headers: {}, body: undefined },
  list: { status: 200, headers: {}, body: [] },
  null: { status: 200, headers: {}, body: null },
  "other JSON": { status: 200, headers: {}, body: { status: "up" } },
  "page with 403": {
    status: 403,
    headers: { "content-type": "text/html" },
    body: Buffer.from("<html>Forbidden by the proxy</html>"),
  },
  "page with 404": {
    status: 404,
    headers: { "content-type": "text/html" },
    body: Buffer.from("<html>No such site</html>"),
  },
} as const;
type StrangeAnswer = keyof typeof strangeAnswers;

/** One fault for each strange answer. */
export const strangeFaults: readonly Extract<Fault, { kind: "strange" }>[] = (
  Object.keys(strangeAnswers) as StrangeAnswer[]
).map((answer, index) => ({ kind: "strange", answer, isApplied: index % 2 === 0 }));

/** One call of a server, numbered from 0 in the order in which they came. */
interface Call {
  readonly service: string;
  readonly method: string;
  readonly index: number;
}

/** Decides for each call what goes wrong with it; undefined: nothing. */
export type FaultPlan = (call: Call) => Fault | undefined;

export const noFaults: FaultPlan = () => undefined;

const kinds = ["not_sent", "reply_lost", "error_after", "duplicated", "slow"] as const;

/** A share of all calls fails, in each of the five ways alike. The same seed gives the same faults. */
export function randomFaults(share: number, seed: number, slowMs = 300): FaultPlan {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => {
    if (random() >= share) return undefined;
    const kind = kinds[Math.floor(random() * kinds.length)] ?? "not_sent";
    return kind === "slow" ? { kind, delayMs: slowMs } : { kind };
  };
}

/** How a faulty call ended. The server answers accordingly. */
export type FaultyOutcome<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "unavailable" }
  | { readonly kind: "internal" }
  | { readonly kind: "unauthenticated" }
  | { readonly kind: "strange"; readonly answer: StrangeAnswer };

/** Applies a call with its fault. What `apply` throws is thrown, unless the fault hides it. */
export async function withFault<Answer>(
  fault: Fault | undefined,
  apply: () => Promise<Answer> | Answer,
): Promise<FaultyOutcome<Answer>> {
  switch (fault?.kind) {
    case undefined:
      return { kind: "answer", answer: await apply() };
    case "not_sent":
      return { kind: "unavailable" };
    case "reply_lost":
      await settled(apply);
      return { kind: "unavailable" };
    case "error_after":
      await settled(apply);
      return { kind: "internal" };
    case "unauthenticated":
      return { kind: "unauthenticated" };
    case "strange":
      if (fault.isApplied) await settled(apply);
      return { kind: "strange", answer: fault.answer };
    case "slow":
      // Nothing is kept alive by it: a test may ask for longer than it lasts.
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs).unref());
      return { kind: "answer", answer: await apply() };
    case "duplicated":
      await settled(apply);
      return { kind: "answer", answer: await apply() };
  }
}

async function settled(apply: () => unknown): Promise<void> {
  try {
    await apply();
  } catch {
    // Its caller never hears of it.
  }
}
