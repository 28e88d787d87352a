import domain from "node:domain";
import { http, type Request, type Response } from "@google-cloud/functions-framework";
import { BatonError } from "../core/errors.ts";
import { errorAnswer, type HttpAnswer, type HttpHandler } from "./http-handler.ts";
import type { RequestHeaders } from "./request.ts";
import { readBody } from "./request-body.ts";

/**
 * Makes the handler the function of that name. Call `guardServers` as well, before the framework builds its
 * server: without it, the framework reads up to a gigabyte and answers bad JSON by itself.
 */
export function registerHttpFunction(name: string, handler: HttpHandler): void {
  Object.assign(domain, { create: () => passThrough });
  http(name, async (request, response) => {
    send(response, await answer(request, handler));
  });
}

/**
 * Instead of the domain that the framework runs every request in, to catch what a function throws: ours never
 * throws, and the first domain of a process makes every promise in it ten times slower from then on.
 */
const passThrough = { on: () => passThrough, run: (action: () => unknown) => action() };

async function answer(request: Request, handler: HttpHandler): Promise<HttpAnswer> {
  try {
    // The framework sets rawBody only where one of its parsers knew the content type; otherwise the body is unread.
    const body = request.rawBody ?? (await readBody(request));
    const { method, path } = request;
    return await handler({ method, path, headers: singleHeaders(request), body });
  } catch (cause) {
    return errorAnswer(503, new BatonError("INTERNAL", "The request was not handled", { cause }));
  }
}

function singleHeaders(request: Request): RequestHeaders {
  const entries = Object.entries(request.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(", ") : value,
  ]);
  return Object.fromEntries(entries);
}

function send(response: Response, { status, body }: HttpAnswer): void {
  if (status === 405) response.set("allow", "GET, POST");
  response.status(status).json(body);
}
