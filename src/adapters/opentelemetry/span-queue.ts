import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { SpanContext } from "../../core/messages.ts";
import type { SpanAttributes, SpanFailure, SpanKind } from "../../ports/telemetry.ts";

/** What bounds the sending of traces. */
export const traceLimits = {
  /** Time between two exports of traces, and how long an export may take with all its retries. */
  traceSeconds: 5,
  traceExportSeconds: 5,
  /** After a trace receiver timed out, deliveries do not wait for it for this long. */
  tracePauseSeconds: 30,
  /** Most spans that wait for an export (further ones are dropped), and most in one request. */
  traceSpans: 4_096,
  spansPerExport: 512,
} as const;

/** A finished span that waits to be sent. It needs no class of OpenTelemetry, which is not loaded yet. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly place: SpanContext;
  /** Undefined for the root of a trace. */
  readonly parentSpanId: string | undefined;
  /** Milliseconds since 1970, with fractions. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: SpanAttributes;
  readonly failure: SpanFailure | undefined;
}

/** Rejects if the receiver did not accept the spans. */
export type SendSpans = (spans: readonly FinishedSpan[]) => Promise<void>;

/** Called once at the start of each pause, when spans were lost or the receiver is slow. */
export type ReportProblem = (problem: {
  readonly error: string;
  /** Number of spans that were dropped since the last call. */
  readonly lostSpans: number;
}) => void;

/**
 * How long a delivery, and a process that ends, wait for spans to be sent; and how long nothing is sent after the
 * receiver was slow or down.
 */
export interface TraceTimeouts {
  readonly flushMs: number;
  readonly closeMs: number;
  readonly pauseSeconds: number;
}

export const defaultTraceTimeouts: TraceTimeouts = {
  flushMs: limits.traceFlushMs,
  closeMs: limits.traceCloseMs,
  pauseSeconds: traceLimits.tracePauseSeconds,
};

/**
 * Keeps finished spans and sends them in batches: every `traceLimits.traceSeconds`, when a batch is full, and on
 * `flush`. After a failure it pauses, and `flush` does not wait for the receiver until the pause is over.
 */
export class SpanQueue {
  readonly #send: SendSpans;
  readonly #report: ReportProblem;
  readonly #timeouts: TraceTimeouts;
  readonly #pending: FinishedSpan[] = [];
  #lost = 0;
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pausedUntil = 0;

  constructor(send: SendSpans, report: ReportProblem, timeouts: TraceTimeouts) {
    this.#send = send;
    this.#report = report;
    this.#timeouts = timeouts;
  }

  add(span: FinishedSpan): void {
    if (this.#pending.length >= traceLimits.traceSpans) this.#lost += 1;
    else this.#pending.push(span);
    if (this.#pending.length >= traceLimits.spansPerExport && !this.#isPaused()) this.#startSending();
    else this.#scheduleSend();
  }

  /** Sends all spans. Resolves when they are sent, or after `limitMs`. */
  async flush(limitMs = this.#timeouts.flushMs): Promise<void> {
    if (this.#isPaused()) return;
    this.#startSending();
    if (!this.#sending || (await finishesWithin(this.#sending, limitMs))) return;
    this.#pause(`the trace receiver took longer than ${limitMs} ms`);
  }

  async close(): Promise<void> {
    await this.flush(this.#timeouts.closeMs);
    clearTimeout(this.#timer);
  }

  #scheduleSend(): void {
    const delaySeconds = this.#isPaused() ? this.#timeouts.pauseSeconds : traceLimits.traceSeconds;
    this.#timer ??= setTimeout(() => this.#startSending(), delaySeconds * 1_000).unref();
  }

  #startSending(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#sending && this.#pending.length > 0) this.#sending = this.#sendAll();
  }

  /** Also sends the spans that are added meanwhile. */
  async #sendAll(): Promise<void> {
    try {
      while (this.#pending.length > 0)
        await this.#sendBatch(this.#pending.splice(0, traceLimits.spansPerExport));
    } finally {
      this.#sending = undefined;
    }
  }

  async #sendBatch(spans: readonly FinishedSpan[]): Promise<void> {
    try {
      await this.#send(spans);
      this.#pausedUntil = 0;
    } catch (error) {
      this.#lost += spans.length;
      this.#pause(errorMessage(error));
    }
  }

  #pause(error: string): void {
    const isNew = !this.#isPaused();
    this.#pausedUntil = performance.now() + this.#timeouts.pauseSeconds * 1_000;
    if (!isNew) return;
    this.#report({ error, lostSpans: this.#lost });
    this.#lost = 0;
  }

  #isPaused(): boolean {
    return performance.now() < this.#pausedUntil;
  }
}

async function finishesWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), limitMs);
  void work.then(() => resolve(true));
  const isDone = await promise;
  clearTimeout(timer);
  return isDone;
}
