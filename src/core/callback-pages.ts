import { createHash } from "node:crypto";
import * as z from "zod";
import type { CallbackAddress } from "./callback.ts";
import { BatonError } from "./errors/errors.ts";
import { limits } from "./limits.ts";
import type { JsonValue } from "./values/json.ts";
import { isoTime } from "./values/time.ts";

type CallbackType = "task.progress" | "task.completed" | "task.failed";

interface CallbackEvent {
  readonly eventId: string;
  readonly type: CallbackType;
  /** ISO 8601. */
  readonly occurredAt: string;
  readonly data: JsonValue;
  /** Data whose JSON in UTF-8 is longer is sent in pages of about this size. */
  readonly pageBytes: number;
}

/**
 * The requests for an event. The same event always gives the same bytes. Data that is too long for one request is
 * split: the `data` of the pages, joined in order, is its JSON text.
 */
export function callbackPages(
  event: CallbackEvent,
): readonly { readonly webhookId: string; readonly body: string }[] {
  const text = JSON.stringify(event.data);
  const head = { id: event.eventId, type: event.type, occurredAt: event.occurredAt };
  const sha256 = sha256Hex(text);
  if (Buffer.byteLength(text) <= event.pageBytes) {
    const body = JSON.stringify({ ...head, page: 1, totalPages: 1, sha256, data: event.data });
    return [{ webhookId: event.eventId, body }];
  }
  const chunks = splitChunks(text, event.pageBytes);
  return chunks.map((data, index) => {
    const numbers = { page: index + 1, totalPages: chunks.length };
    return {
      // Each page needs its own id: receivers that drop duplicates would drop all pages but the first.
      webhookId: `${event.eventId}_p${numbers.page}of${numbers.totalPages}`,
      body: JSON.stringify({ ...head, ...numbers, sha256, encoding: "json-text", data }),
    };
  });
}

/** The requests for an event, complete for their sender. `occurredAt`: in milliseconds. */
export function callbackRequests(
  { occurredAt, ...event }: Omit<CallbackEvent, "occurredAt" | "pageBytes"> & { readonly occurredAt: number },
  { url, secrets }: CallbackAddress,
  signal: AbortSignal,
) {
  const { callbackPageBytes: pageBytes, callbackTimeoutSeconds: timeoutSeconds } = limits;
  const pages = callbackPages({ ...event, occurredAt: isoTime(occurredAt), pageBytes });
  return pages.map((page) => ({ ...page, url, secrets, timeoutSeconds, signal }));
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Splits JSON text between code points into chunks that have at most `maxBytes` as JSON strings. */
function splitChunks(text: string, maxBytes: number): readonly string[] {
  const chunks: string[] = [];
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at) ?? 0;
    const more = escapedBytes(codePoint);
    if (bytes + more > maxBytes && at > start) {
      chunks.push(text.slice(start, at));
      start = at;
      bytes = 0;
    }
    bytes += more;
    at += codePoint > 0xffff ? 2 : 1;
  }
  chunks.push(text.slice(start));
  return chunks;
}

/** Bytes of a code point in a JSON string. JSON text holds no control characters and no lone surrogates. */
function escapedBytes(codePoint: number): number {
  if (codePoint === 0x22 || codePoint === 0x5c) return 2;
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint > 0xffff ? 4 : 3;
}

const PageSchema = z
  .object({
    id: z.string(),
    page: z.int().min(1),
    totalPages: z.int().min(1),
    sha256: z.string(),
    encoding: z.literal("json-text").optional(),
    data: z.unknown().refine((data) => data !== undefined),
  })
  .refine(({ page, totalPages }) => page <= totalPages)
  .transform(({ encoding, data, ...head }) => ({
    ...head,
    text: encoding && typeof data === "string" ? data : JSON.stringify(data),
  }));
type Page = z.infer<typeof PageSchema>;

/**
 * For receivers: the data of one event, from the bodies of its pages in any order, duplicates included. Verify the
 * signature of each body first. Throws `CALLBACK_PAGES_MISSING`, which names the missing pages, and
 * `CALLBACK_PAGES_INVALID` for a body that is no page, pages of different events and altered data.
 */
export function joinCallbackPages(bodies: readonly string[]): JsonValue {
  const pages = new Map<number, Page>();
  for (const [index, body] of bodies.entries()) {
    const page = parsePage(body, index);
    const [first] = pages.values();
    const other = pages.get(page.page);
    if (first && !sameEvent(first, page))
      throw invalid(`Page ${page.page} of ${page.id} does not belong to the pages of ${first.id} before it`);
    if (other && other.text !== page.text)
      throw invalid(`Page ${page.page} was given twice with different content`);
    pages.set(page.page, page);
  }
  const [first] = pages.values();
  if (!first) throw new BatonError("CALLBACK_PAGES_MISSING", "No pages were given");
  if (pages.size < first.totalPages) throw incomplete(first, pages);
  const ordered = [...pages.values()].sort((one, other) => one.page - other.page);
  const text = ordered.map((page) => page.text).join("");
  if (sha256Hex(text) !== first.sha256) throw invalid(`The data of ${first.id} does not match its sha256`);
  const data: JsonValue = JSON.parse(text);
  return data;
}

function parsePage(body: string, index: number): Page {
  try {
    return PageSchema.parse(JSON.parse(body));
  } catch (error) {
    throw invalid(`Body ${index + 1} is not a page of a callback`, error);
  }
}

function sameEvent(one: Page, other: Page): boolean {
  return one.id === other.id && one.sha256 === other.sha256 && one.totalPages === other.totalPages;
}

function incomplete({ id, totalPages }: Page, pages: ReadonlyMap<number, Page>): BatonError {
  const missing: number[] = [];
  for (let page = 1; page <= totalPages && missing.length < limits.namedPages; page += 1)
    if (!pages.has(page)) missing.push(page);
  const more = totalPages - pages.size - missing.length;
  const named = missing.join(", ") + (more > 0 ? ` and ${more} more` : "");
  return new BatonError(
    "CALLBACK_PAGES_MISSING",
    `Of the ${totalPages} pages of ${id} these are missing: ${named}`,
  );
}

function invalid(message: string, cause?: unknown): BatonError {
  return new BatonError("CALLBACK_PAGES_INVALID", message, { cause });
}
