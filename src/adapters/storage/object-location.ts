import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";

/** The bucket and the name that an object has in Cloud Storage. */
export interface ObjectLocation {
  readonly bucket: string;
  readonly object: string;
}

/** A bucket of Cloud Storage, or its part below a prefix such as `results/`. */
export interface BucketLocation {
  readonly bucket: string;
  readonly prefix?: string;
}

/** The bucket of each logical name. Any other name is that of a bucket itself, as in notifications. */
export type BucketLocations = Readonly<Record<string, BucketLocation>>;

const objectNameBytes = 1024;
const bucketName = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/** Throws `OBJECT_NAME_INVALID` for a name that Cloud Storage refuses, or that would lead out of its prefix. */
export function resolveLocation(
  buckets: ReadonlyMap<string, BucketLocation>,
  name: ObjectName,
): ObjectLocation {
  const { bucket, prefix = "" } = buckets.get(name.bucket) ?? { bucket: name.bucket };
  const object = prefix + name.object;
  const problem = nameProblem(name.object) ?? locationProblem(bucket, object);
  if (problem === undefined) return { bucket, object };
  const shown = JSON.stringify(name.object.slice(0, 200));
  throw new BatonError("OBJECT_NAME_INVALID", `${shown} is not the name of an object: ${problem}`, {
    where: `bucket ${name.bucket.slice(0, 200)}`,
  });
}

function nameProblem(object: string): string | undefined {
  if (object === "") return "it is empty";
  if (/[\0\r\n]/.test(object)) return "it has a NUL character or a line break";
  if (!object.isWellFormed()) return "it is not well-formed Unicode";
  const segments = object.split("/");
  if (segments.includes("..") || segments.includes(".")) return "it has a . or .. in its path";
  return undefined;
}

function locationProblem(bucket: string, object: string): string | undefined {
  if (!bucketName.test(bucket)) return `${JSON.stringify(bucket.slice(0, 200))} is not the name of a bucket`;
  if (Buffer.byteLength(object) > objectNameBytes) return `it is longer than ${objectNameBytes} bytes`;
  return undefined;
}

const GenerationSchema = z.union([z.string().min(1), z.int()]).transform(String);

/** The metadata of an object. Cloud Storage sends 64-bit numbers as text. */
export const ObjectResourceSchema = z.object({
  generation: GenerationSchema,
  size: z.coerce.number().int().min(0),
  md5Hash: z.string().optional(),
  contentType: z.string().optional(),
  contentEncoding: z.string().optional(),
  contentDisposition: z.string().optional(),
  contentLanguage: z.string().optional(),
  cacheControl: z.string().optional(),
  customTime: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});

export type ObjectResource = z.infer<typeof ObjectResourceSchema>;

export const ListSchema = z.object({
  kind: z.literal("storage#objects"),
  items: z.array(z.object({ name: z.string(), generation: GenerationSchema })).default([]),
  nextPageToken: z.string().optional(),
});

export const RewriteSchema = z.discriminatedUnion("done", [
  z.object({ done: z.literal(true), resource: ObjectResourceSchema }),
  z.object({ done: z.literal(false), rewriteToken: z.string() }),
]);
