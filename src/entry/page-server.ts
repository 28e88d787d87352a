import { BatonError } from "../core/errors/errors.ts";
import type { PageHandler } from "../ports/pages.ts";
import { errorResponse, type HttpHandler } from "./http-handler.ts";
import { type HttpService, serveHttp } from "./http-server.ts";

/**
 * Serves pages, and accepts no message: this process runs no task. Throws `PORT_IN_USE`, `CONFIGURATION_INVALID`.
 */
export function servePages(
  pages: PageHandler,
  address: { readonly port: number; readonly host: string },
): Promise<HttpService> {
  return serveHttp(refuseMessages, { ...address, pages });
}

const refuseMessages: HttpHandler = async ({ method, path }) => {
  if (method === "GET" && (path === "/" || path === "/healthz"))
    return { status: 200, body: { status: "ok" } };
  const message = `${method} ${path} is not allowed here: this is the console, which accepts no messages`;
  return errorResponse(405, new BatonError("METHOD_NOT_ALLOWED", message));
};
