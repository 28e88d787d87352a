import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { PageRequest, PageResponse } from "../ports/pages.ts";
import { finish, type Html, html } from "./html.ts";

/** Nothing is loaded but the own style, script and pictures, and nothing of another host. */
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const guards = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // With `no-referrer`, browsers would leave out the origin of a form.
  "referrer-policy": "same-origin",
};

/** Where a page holds its own tag, with which the script asks for the next one. Escaping removes the character. */
export const tagPlace = "\u0003";

/** Smaller bodies gain nothing. */
const leastCompressedBytes = 1_000;

/**
 * A page with a tag over what it shows. A browser that has it already gets 304 without a body. Parts that change with
 * the clock alone do not count: see `volatile`.
 */
export function pageResponse(request: PageRequest, status: number, document: Html): PageResponse {
  const { page, lasting } = finish(document);
  const tag = `"${createHash("sha256").update(lasting).digest("base64url").slice(0, 22)}"`;
  const headers = { ...guards, "cache-control": "no-cache, private", vary: "cookie", etag: tag };
  if (status === 200 && request.headers["if-none-match"]?.includes(tag))
    return { status: 304, headers, body: new Uint8Array() };
  return compressed(request, {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8" },
    body: Buffer.from(page.replace(tagPlace, tag.replaceAll('"', "&quot;"))),
  });
}

/** A page without the surroundings of the console, for visitors who may not see them. */
export function plainPage(
  status: number,
  title: string,
  body: Html,
  headers: Readonly<Record<string, string>> = {},
): PageResponse {
  const document = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title} · Baton</title>
    <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
      </head><body><h1>${title}</h1>${body}</body></html>`;
  return {
    status,
    headers: {
      ...guards,
      "cache-control": "no-store",
      "content-type": "text/html; charset=utf-8",
      ...headers,
    },
    body: Buffer.from(finish(document).page),
  };
}

export function redirect(to: string): PageResponse {
  return {
    status: 303,
    headers: { ...guards, "cache-control": "no-store", location: to },
    body: new Uint8Array(),
  };
}

/** A file to save. Its name has only characters that need no quoting. */
export function download(name: string, type: string, body: Uint8Array): PageResponse {
  const file = name.replaceAll(/[^\w.-]+/g, "_").slice(0, 150);
  return {
    status: 200,
    headers: {
      ...guards,
      "cache-control": "no-store",
      "content-type": type,
      "content-disposition": `attachment; filename="${file}"`,
    },
    body,
  };
}

/** A file whose name holds the hash of its content: it never changes. */
export function assetResponse(request: PageRequest, type: string, body: Uint8Array): PageResponse {
  const headers = { ...guards, "content-type": type, "cache-control": "public, max-age=31536000, immutable" };
  return compressed(request, { status: 200, headers, body });
}

function compressed({ headers }: PageRequest, response: PageResponse): PageResponse {
  const accepts = /\bgzip\b/.test(headers["accept-encoding"] ?? "");
  if (!accepts || response.body.byteLength < leastCompressedBytes) return response;
  return {
    ...response,
    headers: { ...response.headers, "content-encoding": "gzip" },
    body: gzipSync(response.body, { level: 5 }),
  };
}
