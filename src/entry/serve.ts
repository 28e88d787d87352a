import { once } from "node:events";
import type { Server } from "node:http";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { BatonError, codeOf, messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { registerHttpFunction } from "./functions-framework.ts";
import type { HttpHandler } from "./http-handler.ts";
import { type GuardOptions, guardServers } from "./server-guard.ts";

export interface ServeOptions extends GuardOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Default 127.0.0.1: reachable from this machine alone. */
  readonly host?: string;
  /** How long `close` waits for requests in flight. Default: `limits.drainSeconds`. */
  readonly drainSeconds?: number;
}

export interface HttpService {
  readonly url: string;
  /** Takes no new connections and resolves when the requests in flight are answered, or have been cut off. */
  close(): Promise<void>;
}

const functionName = "baton";

/**
 * Serves the handler as the cloud does: by the functions framework, behind the guard. Unlike the framework's
 * command, this leaves signals and stray rejections of the process alone. Throws `PORT_IN_USE`.
 */
export async function serveHttp(handler: HttpHandler, options: ServeOptions): Promise<HttpService> {
  const { port, host = "127.0.0.1", drainSeconds = limits.drainSeconds } = options;
  const server = createGuardedServer(handler, options);
  const taken = await listen(server, port, host);
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shownHost}:${taken}`, close: () => close(server, drainSeconds) };
}

function createGuardedServer(handler: HttpHandler, options: GuardOptions): Server {
  registerHttpFunction(functionName, handler);
  const undo = guardServers(options);
  try {
    return closeIdleOnceStopped(getTestServer(functionName));
  } finally {
    undo();
  }
}

/** A connection that is kept alive would stay open after the last answer of a stopping server. */
function closeIdleOnceStopped(server: Server): Server {
  return server.on("request", (_request, response) =>
    response.once("close", () => {
      if (!server.listening) server.closeIdleConnections();
    }),
  );
}

/** Returns the port that was taken. */
async function listen(server: Server, port: number, host: string): Promise<number> {
  try {
    await once(server.listen(port, host), "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (cause) {
    if (codeOf(cause) === "EADDRINUSE")
      throw new BatonError("PORT_IN_USE", `Port ${port} of ${host} is in use`, { cause });
    throw new BatonError("CONFIGURATION_INVALID", `Can't listen on ${host}:${port}: ${messageOf(cause)}`, {
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
