import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { errorAnswer, type HttpAnswer, type HttpHandler } from "./http-handler.ts";

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
  /** 0 takes any free port. */
  readonly port: number;
  /** Default 127.0.0.1: reachable from this machine alone. */
  readonly host?: string;
  /** Time a client has to send its whole request. Default: `serverLimits.requestSeconds`. */
  readonly requestSeconds?: number;
  /** How long `close` waits for requests in flight. Default: `serverLimits.drainSeconds`. */
  readonly drainSeconds?: number;
}

export interface HttpService {
  readonly url: string;
  /** Takes no new connections and resolves when the requests in flight are answered, or have been cut off. */
  close(): Promise<void>;
}

/** The port that the functions framework was started with: its option `--port`, else `PORT`, else 8080. */
export function frameworkPort(argv: readonly string[], environment: { readonly PORT?: string }): number {
  const { values } = parseArgs({ args: [...argv], options: { port: { type: "string" } }, strict: false });
  return Number(values.port ?? environment.PORT ?? 8080);
}

/** Serves the handler by HTTP/1.1: the same server on a laptop and in the function. Throws `PORT_IN_USE`. */
export async function serveHttp(handler: HttpHandler, options: ServeOptions): Promise<HttpService> {
  const { port, host = "127.0.0.1", drainSeconds = serverLimits.drainSeconds } = options;
  const server = createHttpServer(handler, options.requestSeconds ?? serverLimits.requestSeconds);
  const taken = await listen(server, port, host);
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shownHost}:${taken}`, close: () => close(server, drainSeconds) };
}

function createHttpServer(handler: HttpHandler, requestSeconds: number): Server {
  const timeouts = {
    headersTimeout: Math.min(serverLimits.headersSeconds, requestSeconds) * 1_000,
    requestTimeout: requestSeconds * 1_000,
    connectionsCheckingInterval: Math.min(5_000, requestSeconds * 500),
  };
  const server = createServer(timeouts, (request, response) => {
    // A connection that is kept alive would stay open after the last answer of a stopping server.
    response.once("close", () => {
      if (!server.listening) server.closeIdleConnections();
    });
    const refused = refuse(request);
    if (refused) refuseAndClose(request, response, refused);
    else void respond(request, response, handler);
  });
  return server;
}

/** Bodies that are encoded, of unknown size or too large are refused before they are read. */
function refuse({ headers }: IncomingMessage): HttpAnswer | undefined {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    return errorAnswer(415, new BatonError("BODY_ENCODED", "The body is encoded"));
  if (headers["transfer-encoding"] !== undefined)
    return errorAnswer(411, new BatonError("BODY_UNSIZED", "The body comes without its size"));
  const bytes = Number(headers["content-length"] ?? 0);
  if (bytes > limits.requestBodyBytes) {
    const problem = `The body has ${bytes} bytes; ${limits.requestBodyBytes} are allowed`;
    return errorAnswer(413, new BatonError("BODY_TOO_LARGE", problem));
  }
  return undefined;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  handler: HttpHandler,
): Promise<void> {
  let body: Buffer;
  try {
    body = Buffer.concat(await request.toArray());
  } catch {
    // The sender has gone or took too long: the connection is closed, and there is nothing to answer.
    return;
  }
  const { method = "GET", url = "/", headers } = request;
  const path = url.split("?", 1)[0] ?? url;
  const answer = await handler({ method, path, headers: singleHeaders(headers), body });
  const text = writeHead(response, answer);
  response.end(text);
}

function singleHeaders(headers: IncomingMessage["headers"]): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
}

/** Returns the text of the body, which is to follow. */
function writeHead(response: ServerResponse, { status, body }: HttpAnswer, connection?: "close"): string {
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
 * Closing at once would reset the connection of a client that still sends, and the answer would be lost on it:
 * what it sends is dropped for a while before the connection is closed.
 */
function refuseAndClose(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  response.write(writeHead(response, answer, "close"));
  const timer = setTimeout(() => request.destroy(), serverLimits.refusalSeconds * 1_000);
  request.once("end", () => response.end());
  request.once("close", () => clearTimeout(timer));
  request.on("error", () => response.destroy());
  request.resume();
}

/** Returns the port that was taken. */
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
