import http, {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { BatonError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { errorAnswer, type HttpAnswer } from "./http-handler.ts";
import { readBody } from "./request-body.ts";

export interface GuardOptions {
  /** Time a client has to send its whole request. Default: `limits.requestSeconds`. */
  readonly requestSeconds?: number;
}

/**
 * From now on, servers made by `http.createServer` refuse bodies that are encoded, unsized or too large before
 * reading them, and read all others themselves: the functions framework finds the request read to its end, with
 * `rawBody` set as it would set it, and its own parsers (a gigabyte, inflating, HTML for bad JSON) step aside.
 * Returns how to undo it for servers made later. Guarding twice is guarding once.
 */
export function guardServers({ requestSeconds = limits.requestSeconds }: GuardOptions = {}): () => void {
  const original = http.createServer;
  if (guards.has(original)) return () => {};
  const timeouts: ServerOptions = {
    headersTimeout: Math.min(limits.headersSeconds, requestSeconds) * 1_000,
    requestTimeout: requestSeconds * 1_000,
    connectionsCheckingInterval: Math.min(5_000, requestSeconds * 500),
  };
  const guarded = (first?: ServerOptions | RequestListener, second?: RequestListener): Server => {
    const listener = typeof first === "function" ? first : second;
    const options = { ...(typeof first === "object" ? first : {}), ...timeouts };
    return listener ? original(options, guardListener(listener)) : original(options);
  };
  guards.add(guarded);
  // The framework is CommonJS and reads createServer off the module object at the time of the call.
  Object.assign(http, { createServer: guarded });
  return () => Object.assign(http, { createServer: original });
}

const guards = new WeakSet<object>();

function guardListener(listener: RequestListener): RequestListener {
  return (request, response) => {
    const refused = refuse(request);
    if (refused) return answerAndClose(request, response, refused);
    request.url = decodableUrl(request.url ?? "/");
    readBody(request).then(
      (rawBody) => listener(Object.assign(request, { rawBody }), response),
      // The sender has gone or took too long: the connection is closed, and nobody is left to answer.
      () => {},
    );
  };
}

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

/** Express answers a path it can't decode with its stack; no path of ours needs decoding. */
function decodableUrl(url: string): string {
  try {
    decodeURIComponent(url);
    return url;
  } catch {
    return url.replaceAll("%", "%25");
  }
}

/**
 * Closing at once would reset the connection of a client that still sends, and the answer would be lost on it:
 * what it sends is dropped for a while before the connection is closed.
 */
function answerAndClose(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  const text = JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  response.write(text);
  const timer = setTimeout(() => request.destroy(), limits.refusalSeconds * 1_000);
  request.once("end", () => response.end());
  request.once("close", () => clearTimeout(timer));
  request.on("error", () => response.destroy());
  request.resume();
}
