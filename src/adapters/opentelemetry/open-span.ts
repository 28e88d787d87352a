import { randomBytes } from "node:crypto";
import type { TracePlace } from "../../core/trace.ts";
import type { Span, SpanAttributes, SpanDescription, SpanFailure } from "../../ports/tracer.ts";
import type { FinishedSpan } from "./finished-span.ts";

/** A span under way, a child of another. */
export class OpenSpan implements Span {
  readonly place: TracePlace;
  readonly #description: SpanDescription;
  readonly #parent: TracePlace;
  readonly #startedAt: number;
  #attributes: SpanAttributes;
  #failure: SpanFailure | undefined;

  constructor(description: SpanDescription, parent: TracePlace, startedAt: number) {
    this.#description = description;
    this.#parent = parent;
    this.#startedAt = startedAt;
    this.#attributes = description.attributes ?? {};
    this.place = { traceId: parent.traceId, spanId: freshSpanId() };
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

export function freshSpanId(): string {
  return randomBytes(8).toString("hex");
}

/** For work outside of any batch: nothing is told of it. */
export const inertSpan: Span = { set() {}, fail() {} };
