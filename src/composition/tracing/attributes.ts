import type { SpanAttributes } from "../../ports/tracer.ts";

interface Of {
  readonly batchId?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly attempt?: number | undefined;
}

/** What a span is of. */
export function batchAttributes({ batchId, workflowId, taskId, attempt }: Of): SpanAttributes {
  return {
    "baton.batch": batchId,
    "baton.workflow": workflowId,
    "baton.task": taskId,
    "baton.attempt": attempt,
  };
}

/** Whom a request goes to. Neither path nor query: either may be a secret. */
export function serverAttributes(url: string): SpanAttributes {
  if (!URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return {
    "server.address": hostname,
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}
