import type { SpanAttributes, Tracer } from "../../ports/tracer.ts";

/** What the span of each method has for attributes, by the values that the method is called with; no method is left out. */
export type SpansOf<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...given: infer Given) => Promise<unknown>
    ? (...given: Given) => SpanAttributes
    : never;
};

type AsyncMethods = Readonly<Record<string, (...given: unknown[]) => Promise<unknown>>>;
type Spans = Readonly<Record<string, (...given: unknown[]) => SpanAttributes>>;

/** The port, with a client span around every call; a span is named after the service and the method. */
export function traced<Port extends object>(
  service: string,
  spans: SpansOf<Port>,
  port: Port,
  tracer: Tracer,
): Port;
export function traced(service: string, spans: Spans, port: AsyncMethods, tracer: Tracer): AsyncMethods {
  return Object.fromEntries(
    Object.entries(spans).map(([method, attributes]) => [
      method,
      (...given: unknown[]) => {
        const span = {
          name: `${service} ${method}`,
          kind: "client",
          attributes: attributes(...given),
        } as const;
        return tracer.inSpan(span, async () => port[method]?.(...given));
      },
    ]),
  );
}

interface Work {
  readonly batchId?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly attempt?: number | undefined;
}

/** Which work a span belongs to. */
export function batchAttributes({ batchId, workflowId, taskId, attempt }: Work): SpanAttributes {
  return {
    "baton.batch": batchId,
    "baton.workflow": workflowId,
    "baton.task": taskId,
    "baton.attempt": attempt,
  };
}

/** The server that a request goes to. Neither path nor query: either may hold a secret. */
export function serverAttributes(url: string): SpanAttributes {
  if (!URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return {
    "server.address": hostname,
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}
