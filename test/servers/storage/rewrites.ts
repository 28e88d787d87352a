import * as z from "zod";
import { invalid } from "./answers.ts";
import { checkConditions } from "./conditions.ts";
import { type Described, type Objects, resourceOf, type StoredObject } from "./objects.ts";

/** How far a rewrite is: the token holds it, so that a call that is sent again does the same. */
const TokenSchema = z.object({ source: z.string(), target: z.string(), rewritten: z.number() });

export interface Rewrite {
  readonly from: { readonly bucket: string; readonly object: string };
  readonly to: { readonly bucket: string; readonly object: string };
  readonly query: URLSearchParams;
  /** Replaces what the source says of itself. */
  readonly described: Described | undefined;
  readonly bytesPerCall: number;
}

export interface Rewritten {
  readonly body: Readonly<Record<string, unknown>>;
  /** When this call was the last one. */
  readonly stored?: StoredObject;
  readonly overwritten?: StoredObject | undefined;
}

export function rewrite(objects: Objects, { from, to, query, described, bytesPerCall }: Rewrite): Rewritten {
  const source = objects.get(from.bucket, from.object, query.get("sourceGeneration"));
  checkConditions(query, source, "ifSource");
  const overwritten = objects.find(to.bucket, to.object);
  checkConditions(query, overwritten);
  const place = {
    source: `${source.bucket}/${source.object}#${source.generation}`,
    target: `${to.bucket}/${to.object}`,
  };
  const size = source.content.length;
  const rewritten = Math.min(size, doneBefore(query.get("rewriteToken"), place) + bytesPerCall);
  const progress = {
    kind: "storage#rewriteResponse",
    totalBytesRewritten: String(rewritten),
    objectSize: String(size),
  };
  if (rewritten < size) {
    const rewriteToken = Buffer.from(JSON.stringify({ ...place, rewritten })).toString("base64url");
    return { body: { ...progress, done: false, rewriteToken } };
  }
  const stored = objects.put(to.bucket, to.object, source.content, described ?? source.described);
  return { body: { ...progress, done: true, resource: resourceOf(stored) }, stored, overwritten };
}

function doneBefore(token: string | null, place: { source: string; target: string }): number {
  if (token === null) return 0;
  const parsed = TokenSchema.safeParse(parsedToken(token)).data;
  if (parsed?.source !== place.source || parsed.target !== place.target)
    throw invalid("Invalid rewrite token.");
  return parsed.rewritten;
}

function parsedToken(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    return undefined;
  }
}
