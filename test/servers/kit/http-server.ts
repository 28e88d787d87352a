import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FaultPlan, strangeAnswers, withFault } from "./faults.ts";

export interface HttpCall {
  readonly method: string;
  /** Of the URL. Routes decode its segments. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is bytes. */
  readonly body?: unknown;
}

export interface TestHttpServer {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** From now on. */
  setFaults(plan: FaultPlan): void;
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly service: string;
  readonly faults: FaultPlan;
  readonly handle: (call: HttpCall) => Promise<HttpReply> | HttpReply;
  /** Default: one that is free. */
  readonly port?: number;
}

/**
 * Serves HTTP with the faults that the plan asks for. A call that is not sent, or whose reply is lost, ends in a
 * connection that is reset; an error after the fact is a 500; what is unauthenticated a 401, as Google's services have
 * it.
 */
export async function serveTestHttp({
  service,
  faults,
  handle,
  port = 0,
}: HttpServerOptions): Promise<TestHttpServer> {
  let plan = faults;
  let index = 0;
  const server = createServer(async (request, response) => {
    try {
      const call = await readCall(request);
      const fault = plan({ service, method: `${call.method} ${call.path}`, index: index++ });
      const outcome = await withFault(fault, () => handle(call));
      if (outcome.kind === "answer") send(response, outcome.answer);
      else if (outcome.kind === "internal") send(response, failure(500, "injected: error_after"));
      else if (outcome.kind === "strange") send(response, strangeAnswers[outcome.answer]);
      else if (outcome.kind === "unauthenticated")
        send(response, failure(401, "injected: unauthenticated", "authError"));
      else request.socket.destroy();
    } catch (error) {
      send(response, failure(500, error instanceof Error ? (error.stack ?? error.message) : String(error)));
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    setFaults(next) {
      plan = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An error as Google's JSON services answer it. */
export function failure(code: number, message: string, reason = "backendError"): HttpReply {
  return { status: code, body: { error: { code, message, errors: [{ reason, message }] } } };
}

async function readCall(request: IncomingMessage): Promise<HttpCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url ?? "/", "http://server");
  return {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
}

function send(response: ServerResponse, { status, headers = {}, body }: HttpReply): void {
  if (body === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  const isBytes = body instanceof Uint8Array;
  const bytes = isBytes ? body : Buffer.from(JSON.stringify(body));
  const type = isBytes ? "application/octet-stream" : "application/json; charset=utf-8";
  response.writeHead(status, { "content-type": type, "content-length": String(bytes.length), ...headers });
  response.end(bytes);
}
