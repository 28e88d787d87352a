import { createHash } from "node:crypto";

/** A place in a trace, by the ids of OpenTelemetry: 16 and 8 bytes in hexadecimal. */
export interface TracePlace {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * The trace of a batch, and in it the span of the batch as a whole. They follow from its id, so that every process that
 * works on the batch knows them, and no message and no record has to carry them.
 */
export function traceOf(batchId: string): TracePlace {
  const hash = createHash("sha256").update(batchId).digest("hex");
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}
