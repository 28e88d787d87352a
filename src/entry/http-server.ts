import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { PageHandler, PageResponse } from "../ports/pages.ts";
import { errorResponse, type HttpHandler, type HttpResponse } from "./http-handler.ts";

/**
 * What bounds requests to the HTTP server.
 * @public docs/limits.md
 */
export const serverLimits = {
  /** How long a client may take to send its headers, and its whole request. Handling may take longer. */
  headersSeconds: 20,
  requestSeconds: 60,
  /** How long the server keeps reading a refused request. A client that is still sending would not see the response. */
  refusalSeconds: 2,
  /** How long a stopping server waits for requests in flight: Cloud Run kills the process 10 seconds after SIGTERM. */
  drainSeconds: 8,
} as const;

export interface ServeOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Default 127.0.0.1: reachable only from this machine. */
  readonly host?: string;
  /** How long a client may take to send its whole request. Default: `serverLimits.requestSeconds`. */
  readonly requestSeconds?: number;
  /** Gets each request first. What is no page is a message. */
  readonly pages?: PageHandler | undefined;
  /** How long `close` waits for requests in flight. Default: `serverLimits.drainSeconds`. */
  readonly drainSeconds?: number;
}

export interface HttpService {
  readonly url: string;
  /** Accepts no new connections. Resolves when the requests in flight have a response or were cut off. */
  close(): Promise<void>;
}

/** The port of the functions framework: its option `--port`, else `PORT`, else 8080. */
export function frameworkPort(argv: readonly string[], environment: { readonly PORT?: string }): number {
  const { values } = parseArgs({ args: [...argv], options: { port: { type: "string" } }, strict: false });
  return Number(values.port ?? environment.PORT ?? 8080);
}

/** Serves the handler by HTTP/1.1, on a laptop and in the function. Throws `PORT_IN_USE`, `CONFIGURATION_INVALID`. */
export async function serveHttp(handler: HttpHandler, options: ServeOptions): Promise<HttpService> {
  const { port, host = "127.0.0.1", drainSeconds = serverLimits.drainSeconds } = options;
  const server = createHttpServer(handler, options);
  const boundPort = await listen(server, port, host);
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shownHost}:${boundPort}`, close: () => close(server, drainSeconds) };
}

function createHttpServer(
  handler: HttpHandler,
  { pages, requestSeconds = serverLimits.requestSeconds }: ServeOptions,
): Server {
  const timeouts = {
    headersTimeout: Math.min(serverLimits.headersSeconds, requestSeconds) * 1_000,
    requestTimeout: requestSeconds * 1_000,
    connectionsCheckingInterval: Math.min(5_000, requestSeconds * 500),
  };
  const server = createServer(timeouts, (request, response) => {
    // Otherwise a kept-alive connection would stay open after the last response of a stopping server.
    response.once("close", () => {
      if (!server.listening) server.closeIdleConnections();
    });
    const rejection = rejectBody(request);
    if (rejection) rejectAndClose(request, response, rejection);
    else void respond(request, response, handler, pages);
  });
  return server;
}

/** Rejects encoded bodies, and those of unknown size or too large, before they are read. */
function rejectBody({ headers }: IncomingMessage): HttpResponse | undefined {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    return errorResponse(415, new BatonError("BODY_ENCODED", "The body is encoded"));
  if (headers["transfer-encoding"] !== undefined)
    return errorResponse(411, new BatonError("BODY_UNSIZED", "The body has no content-length"));
  const bytes = Number(headers["content-length"] ?? 0);
  if (bytes > limits.requestBodyBytes) {
    const problem = `The body has ${bytes} bytes; at most ${limits.requestBodyBytes} are allowed`;
    return errorResponse(413, new BatonError("BODY_TOO_LARGE", problem));
  }
  return undefined;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  handler: HttpHandler,
  pages: PageHandler | undefined,
): Promise<void> {
  let body: Buffer;
  try {
    body = Buffer.concat(await request.toArray());
  } catch {
    // The sender disconnected or took too long: the connection is closed, and no response is possible.
    return;
  }
  const { method = "GET", url = "/" } = request;
  const headers = singleHeaders(request.headers);
  const page = await pages?.({ method, url, headers, body });
  if (page) return sendPage(response, page);
  const path = url.split("?", 1)[0] ?? url;
  const result = await handler({ method, path, headers, body });
  const text = writeHead(response, result);
  response.end(text);
}

function sendPage(response: ServerResponse, { status, headers, body }: PageResponse): void {
  response.writeHead(status, { ...headers, ...(status !== 304 && { "content-length": body.byteLength }) });
  response.end(body);
}

function singleHeaders(headers: IncomingMessage["headers"]): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
}

/** Writes status and headers. Returns the text of the body, which the caller sends. */
function writeHead(response: ServerResponse, { status, body }: HttpResponse, connection?: "close"): string {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    ...(status === 405 && { allow: "GET, POST" }),
    ...(connection && { connection }),
  });
  return text;
}

/**
 * Closing at once would reset the connection of a client that is still sending, and the response would be lost. So the
 * server reads and drops the body for `serverLimits.refusalSeconds` before it closes the connection.
 */
function rejectAndClose(request: IncomingMessage, response: ServerResponse, rejection: HttpResponse): void {
  response.write(writeHead(response, rejection, "close"));
  const timer = setTimeout(() => request.destroy(), serverLimits.refusalSeconds * 1_000);
  request.once("end", () => response.end());
  request.once("close", () => clearTimeout(timer));
  request.on("error", () => response.destroy());
  request.resume();
}

/** Returns the port in use. */
async function listen(server: Server, port: number, host: string): Promise<number> {
  try {
    await once(server.listen(port, host), "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (cause) {
    if (errorCode(cause) === "EADDRINUSE")
      throw new BatonError("PORT_IN_USE", `Port ${port} of ${host} is in use`, { cause });
    throw new BatonError("CONFIGURATION_INVALID", `Can't listen on ${host}:${port}: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

async function close(server: Server, drainSeconds: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), drainSeconds * 1_000);
  await closed;
  clearTimeout(timer);
}
