import * as z from "zod";
import type { HttpCall, HttpReply } from "../kit/http-server.ts";
import { invalid, noSuchBucket, Refusal } from "./answers.ts";
import { checkConditions } from "./conditions.ts";
import { byNameAndGeneration, hashesOf, type Objects, resourceOf, type StoredObject } from "./objects.ts";
import { rewrite } from "./rewrites.ts";
import { DescribedSchema, uploadOf } from "./uploads.ts";

/** What a call is billed as. */
type Billed = "class_a_operations" | "class_b_operations" | "deletes";

export interface Routed extends HttpReply {
  readonly billed: Billed;
}

export interface Routes {
  readonly objects: Objects;
  readonly rewriteBytesPerCall: number;
  readonly onStored: (stored: StoredObject, overwritten: StoredObject | undefined) => void;
}

type Route = (routes: Routes, call: HttpCall, ...names: string[]) => Routed;

const classA = (body: unknown): Routed => ({ status: 200, body, billed: "class_a_operations" });
const classB = (body: unknown): Routed => ({ status: 200, body, billed: "class_b_operations" });

const api = "/storage/v1";
const table: readonly (readonly [method: string, path: RegExp, route: Route])[] = [
  ["POST", /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/, insert],
  ["GET", /^\/download\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/, get],
  ...(
    [
      ["POST", "/b", createBucket],
      ["GET", "/b/([^/]+)", getBucket],
      ["GET", "/b/([^/]+)/iam/testPermissions", testPermissions],
      ["GET", "/b/([^/]+)/o", list],
      ["GET", "/b/([^/]+)/o/([^/]+)", get],
      ["PATCH", "/b/([^/]+)/o/([^/]+)", patch],
      ["DELETE", "/b/([^/]+)/o/([^/]+)", remove],
      ["POST", "/b/([^/]+)/o/([^/]+)/rewriteTo/b/([^/]+)/o/([^/]+)", rewriteTo],
      ["POST", "/b/([^/]+)/o/([^/]+)/copyTo/b/([^/]+)/o/([^/]+)", copyTo],
    ] as const
  ).map(([method, path, route]) => [method, new RegExp(`^${api}${path}$`), route] as const),
];

/** Accepts whole paths only, as Cloud Storage does, and JSON that is declared as JSON. Throws Refusals. */
export function routed(routes: Routes, call: HttpCall): Routed {
  for (const [method, pattern, route] of table) {
    const found = method === call.method ? pattern.exec(call.path) : null;
    if (found) return selected(call, route(routes, call, ...found.slice(1).map(decodeURIComponent)));
  }
  throw new Refusal(404, "notFound", `${call.method} ${call.path} is left out here`);
}

/** The part of an answer that `fields` asks for: `kind,items(name,generation)`. */
function selected({ query }: HttpCall, routed: Routed): Routed {
  const fields = query.get("fields");
  if (fields === null || fields === "*" || routed.body instanceof Uint8Array) return routed;
  return { ...routed, body: partOf(routed.body, fields) };
}

function partOf(body: unknown, fields: string): unknown {
  if (Array.isArray(body)) return body.map((one) => partOf(one, fields));
  if (typeof body !== "object" || body === null) throw invalid(`Invalid field selection ${fields}`);
  const named = fields.match(/[^,()]+(?:\([^()]*\))?/g) ?? [];
  const parts = named.flatMap((field) => {
    const [, name = "", inner] = /^([^(]+)(?:\((.*)\))?$/.exec(field) ?? [];
    if (!(name in body)) return [];
    const value: unknown = Reflect.get(body, name);
    return [[name, inner === undefined ? value : partOf(value, inner)] as const];
  });
  return Object.fromEntries(parts);
}

/** A body of JSON, which has to be declared as JSON: https://cloud.google.com/storage/docs/json_api */
function jsonOf<Body>({ headers, body }: HttpCall, schema: z.ZodType<Body>): Body {
  if (!/^application\/json\b/.test(headers["content-type"] ?? ""))
    throw new Refusal(400, "badContent", `Unsupported content with type: ${headers["content-type"]}`);
  try {
    return schema.parse(JSON.parse(body.toString()));
  } catch {
    throw new Refusal(400, "parseError", "Parse Error");
  }
}

function insert({ objects, onStored }: Routes, call: HttpCall, bucket = ""): Routed {
  const { object, content, described } = uploadOf(call);
  const overwritten = objects.find(bucket, object);
  checkConditions(call.query, overwritten);
  const stored = objects.put(bucket, object, content, described);
  onStored(stored, overwritten);
  return classA(resourceOf(stored));
}

function createBucket({ objects }: Routes, call: HttpCall): Routed {
  if (!call.query.get("project")) throw new Refusal(400, "required", "Required parameter: project");
  const { name } = jsonOf(call, z.object({ name: z.string() }));
  if (objects.hasBucket(name))
    throw new Refusal(409, "conflict", "Your previous request to create the named bucket succeeded.");
  objects.createBucket(name);
  return classA({ kind: "storage#bucket", name, id: name });
}

function getBucket({ objects }: Routes, _call: HttpCall, bucket = ""): Routed {
  if (!objects.hasBucket(bucket)) throw noSuchBucket();
  return classB({
    kind: "storage#bucket",
    name: bucket,
    id: bucket,
    location: "EU",
    storageClass: "STANDARD",
  });
}

function testPermissions({ objects }: Routes, { query }: HttpCall, bucket = ""): Routed {
  if (!objects.hasBucket(bucket)) throw noSuchBucket();
  return classB({ kind: "storage#testIamPermissionsResponse", permissions: query.getAll("permissions") });
}

function list({ objects }: Routes, { query }: HttpCall, bucket = ""): Routed {
  const found = query.get("versions") === "true" ? objects.versions(bucket) : objects.list(bucket);
  const token = query.get("pageToken");
  const all = found.filter(
    (one) =>
      one.object.startsWith(query.get("prefix") ?? "") &&
      (token === null || byNameAndGeneration(one, lastOf(token)) > 0),
  );
  const most = Number(query.get("maxResults") ?? largestPage);
  if (!Number.isInteger(most) || most < 1) throw invalid(`Invalid unsigned integer value: '${most}'.`);
  const page = all.slice(0, Math.min(most, largestPage));
  const last = page.length < all.length ? page.at(-1) : undefined;
  const next = last ? { nextPageToken: tokenOf(last) } : {};
  // A list without anything has no items.
  const items = page.length > 0 ? { items: page.map(resourceOf) } : {};
  return classA({ kind: "storage#objects", ...next, ...items });
}

const largestPage = 1_000;

/** No name of an object has a line break. */
function tokenOf({ object, generation }: StoredObject): string {
  return Buffer.from(`${object}\n${generation}`).toString("base64url");
}

function lastOf(token: string): Pick<StoredObject, "object" | "generation"> {
  const [object = "", generation = "0"] = Buffer.from(token, "base64url").toString().split("\n");
  return { object, generation: BigInt(generation) };
}

function get({ objects }: Routes, { query }: HttpCall, bucket = "", object = ""): Routed {
  const found = objects.get(bucket, object, query.get("generation"));
  checkConditions(query, found);
  if (query.get("alt") !== "media") return classB(resourceOf(found));
  const { md5Hash, crc32c } = hashesOf(found.content);
  const { contentType, contentEncoding } = found.described;
  const headers = {
    "content-type": contentType ?? "application/octet-stream",
    "x-goog-generation": String(found.generation),
    "x-goog-metageneration": String(found.metageneration),
    "x-goog-hash": `crc32c=${crc32c},md5=${md5Hash}`,
    "x-goog-stored-content-encoding": contentEncoding ?? "identity",
    "x-goog-stored-content-length": String(found.content.length),
    ...(contentEncoding === undefined ? {} : { "content-encoding": contentEncoding }),
  };
  return { ...classB(found.content), headers };
}

function patch({ objects }: Routes, call: HttpCall, bucket = "", object = ""): Routed {
  const { query } = call;
  const found = objects.get(bucket, object, query.get("generation"));
  checkConditions(query, found);
  const { metadata, ...said } = jsonOf(call, DescribedSchema);
  const described = { ...found.described, ...said };
  const merged = { ...found.described.metadata, ...metadata };
  return classA(
    resourceOf(objects.describe(found, metadata ? { ...described, metadata: merged } : described)),
  );
}

function remove({ objects }: Routes, { query }: HttpCall, bucket = "", object = ""): Routed {
  const found = objects.get(bucket, object, query.get("generation"));
  checkConditions(query, found);
  objects.remove(found, { isSelected: query.has("generation") });
  return { status: 204, billed: "deletes" };
}

function rewriteTo(routes: Routes, call: HttpCall, ...names: string[]): Routed {
  return classA(rewritten(routes, call, names, routes.rewriteBytesPerCall).body);
}

function copyTo(routes: Routes, call: HttpCall, ...names: string[]): Routed {
  const { stored } = rewritten(routes, call, names, Number.POSITIVE_INFINITY);
  return classA(stored && resourceOf(stored));
}

function rewritten(routes: Routes, call: HttpCall, names: readonly string[], bytesPerCall: number) {
  const [fromBucket, fromObject, bucket, object] = names;
  if (fromBucket === undefined || fromObject === undefined || bucket === undefined || object === undefined)
    throw invalid("Names are missing");
  const said = call.body.length > 0 ? jsonOf(call, DescribedSchema) : {};
  const done = rewrite(routes.objects, {
    from: { bucket: fromBucket, object: fromObject },
    to: { bucket, object },
    query: call.query,
    described: Object.keys(said).length > 0 ? said : undefined,
    bytesPerCall,
  });
  if (done.stored) routes.onStored(done.stored, done.overwritten);
  return done;
}
