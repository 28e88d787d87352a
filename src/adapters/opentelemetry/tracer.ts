import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { batchTrace, type SpanContext } from "../../core/messages.ts";
import { toStoredError } from "../../core/records.ts";
import type {
  Span,
  SpanAttributes,
  SpanDescription,
  SpanFailure,
  SpanRecord,
  Tracer,
} from "../../ports/telemetry.ts";
import type { OtlpSettings } from "./otlp.ts";
import {
  defaultTraceTimeouts,
  type FinishedSpan,
  type ReportProblem,
  type SendSpans,
  SpanQueue,
} from "./span-queue.ts";

/** The context of a piece of work, shared by all that it calls. */
interface Scope {
  /** Undefined until the batch is known. */
  place: SpanContext | undefined;
  readonly now: () => number;
}

/**
 * Creates the spans of batches and queues them when they end. Uses OpenTelemetry's data model and exporter, but not its
 * tracer: the id of a trace follows from the id of its batch.
 */
export class BatchTracer implements Tracer {
  readonly #scopes = new AsyncLocalStorage<Scope>();
  readonly #queue: SpanQueue;

  constructor(send: SendSpans, report: ReportProblem, timeouts = defaultTraceTimeouts) {
    // Outside the scope: sending is not part of the work during which it starts.
    this.#queue = new SpanQueue((spans) => this.#scopes.exit(() => send(spans)), report, timeouts);
  }

  inBatch<T>(batchId: string | undefined, work: () => Promise<T>): Promise<T> {
    const place = batchId === undefined ? undefined : batchTrace(batchId);
    return this.#scopes.run({ place, now: startWatch() }, work);
  }

  assignBatch(batchId: string): void {
    const scope = this.#scopes.getStore();
    if (scope) scope.place ??= batchTrace(batchId);
  }

  async inSpan<T>(description: SpanDescription, work: (span: Span) => Promise<T>): Promise<T> {
    const scope = this.#scopes.getStore();
    if (!scope?.place) return work(noopSpan);
    const { now } = scope;
    const span = new OpenSpan(description, scope.place, now());
    try {
      return await this.#scopes.run({ place: span.place, now }, () => work(span));
    } catch (thrown) {
      span.fail(toStoredError(thrown));
      throw thrown;
    } finally {
      this.#queue.add(span.finish(now()));
    }
  }

  record(span: SpanRecord): void {
    const { traceId, spanId } = batchTrace(span.batchId);
    this.#add(span, { traceId, spanId: randomSpanId() }, spanId);
  }

  recordBatch(span: SpanRecord): void {
    this.#add(span, batchTrace(span.batchId), undefined);
  }

  current(): SpanContext | undefined {
    return this.#scopes.getStore()?.place;
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #add(span: SpanRecord, place: SpanContext, parentSpanId: string | undefined): void {
    const { name, kind = "internal", startedAt, endedAt, attributes = {}, failure } = span;
    this.#queue.add({ name, kind, place, parentSpanId, startedAt, endedAt, attributes, failure });
  }
}

/** A clock with fractions of a millisecond, which does not jump while the work runs. */
function startWatch(): () => number {
  const offset = Date.now() - performance.now();
  return () => offset + performance.now();
}

/** A span that has not ended. */
class OpenSpan implements Span {
  readonly place: SpanContext;
  readonly #description: SpanDescription;
  readonly #parent: SpanContext;
  readonly #startedAt: number;
  #attributes: SpanAttributes;
  #failure: SpanFailure | undefined;

  constructor(description: SpanDescription, parent: SpanContext, startedAt: number) {
    this.#description = description;
    this.#parent = parent;
    this.#startedAt = startedAt;
    this.#attributes = description.attributes ?? {};
    this.place = { traceId: parent.traceId, spanId: randomSpanId() };
  }

  set(attributes: SpanAttributes): void {
    this.#attributes = { ...this.#attributes, ...attributes };
  }

  fail(failure: SpanFailure): void {
    this.#failure = failure;
  }

  finish(endedAt: number): FinishedSpan {
    return {
      name: this.#description.name,
      kind: this.#description.kind ?? "internal",
      place: this.place,
      parentSpanId: this.#parent.spanId,
      startedAt: this.#startedAt,
      endedAt,
      attributes: this.#attributes,
      failure: this.#failure,
    };
  }
}

function randomSpanId(): string {
  return randomBytes(8).toString("hex");
}

/** For work outside of any batch, which is not traced. */
const noopSpan: Span = { set() {}, fail() {} };

/**
 * Sends spans by OTLP. OpenTelemetry is loaded when the first spans are sent, so it delays neither the start of the
 * process nor its first task.
 */
export function otlpSender(settings: OtlpSettings): SendSpans {
  let open: Promise<SendSpans> | undefined;
  return async (spans) => {
    open ??= import("./otlp.ts").then(({ openExporter }) => openExporter(settings));
    await (await open)(spans);
  };
}
