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

/** A span as it waits to be sent: the classes of OpenTelemetry are loaded when the first ones are. */
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

/** Sends spans. Rejects when they were not taken. */
export type SendSpans = (spans: readonly FinishedSpan[]) => Promise<void>;

/** Hears that spans are lost, or late. Called once a pause. */
export type ReportProblem = (problem: {
  readonly error: string;
  /** Spans that were given up since the last call. */
  readonly lostSpans: number;
}) => void;

/**
 * How long others wait for traces, and a process at its end; and how long nothing is sent to a receiver that was
 * late.
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
 * Spans that wait to be sent. They are sent by the hundreds, from time to time and when somebody asks for it; nobody
 * waits for a receiver that was down or late a moment ago.
 */
export class SpanQueue {
  readonly #send: SendSpans;
  readonly #report: ReportProblem;
  readonly #waits: TraceTimeouts;
  readonly #waiting: FinishedSpan[] = [];
  #lost = 0;
  #underWay: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pausedUntil = 0;

  constructor(send: SendSpans, report: ReportProblem, waits: TraceTimeouts) {
    this.#send = send;
    this.#report = report;
    this.#waits = waits;
  }

  add(span: FinishedSpan): void {
    if (this.#waiting.length >= traceLimits.traceSpans) this.#lost += 1;
    else this.#waiting.push(span);
    if (this.#waiting.length >= traceLimits.spansPerExport && !this.#isPaused()) this.#begin();
    else this.#beginLater();
  }

  /** Resolves when all that was added has been sent, or when that has taken too long. */
  async flush(limitMs = this.#waits.flushMs): Promise<void> {
    if (this.#isPaused()) return;
    this.#begin();
    if (!this.#underWay || (await finishesWithin(this.#underWay, limitMs))) return;
    this.#pause(`the receiver of traces takes longer than ${limitMs} ms`);
  }

  async close(): Promise<void> {
    await this.flush(this.#waits.closeMs);
    clearTimeout(this.#timer);
  }

  #beginLater(): void {
    const delaySeconds = this.#isPaused() ? this.#waits.pauseSeconds : traceLimits.traceSeconds;
    this.#timer ??= setTimeout(() => this.#begin(), delaySeconds * 1_000).unref();
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#underWay && this.#waiting.length > 0) this.#underWay = this.#sendAll();
  }

  /** Whatever is added while it sends is sent too. */
  async #sendAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0)
        await this.#sendSome(this.#waiting.splice(0, traceLimits.spansPerExport));
    } finally {
      this.#underWay = undefined;
    }
  }

  async #sendSome(spans: readonly FinishedSpan[]): Promise<void> {
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
    this.#pausedUntil = performance.now() + this.#waits.pauseSeconds * 1_000;
    if (!isNew) return;
    this.#report({ error, lostSpans: this.#lost });
    this.#lost = 0;
  }

  #isPaused(): boolean {
    return performance.now() < this.#pausedUntil;
  }
}

/** Whether it resolves within the time. */
async function finishesWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), limitMs);
  void work.then(() => resolve(true));
  const isDone = await promise;
  clearTimeout(timer);
  return isDone;
}
