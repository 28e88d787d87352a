import * as z from "zod";

const GenerationSchema = z.union([z.string().min(1), z.int()]).transform(String);

/** What Cloud Storage says of an object. 64-bit numbers come as text. */
export const ResourceSchema = z.object({
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

export type Resource = z.infer<typeof ResourceSchema>;

export const ListSchema = z.object({
  kind: z.literal("storage#objects"),
  items: z.array(z.object({ name: z.string(), generation: GenerationSchema })).default([]),
  nextPageToken: z.string().optional(),
});

export const RewriteSchema = z.discriminatedUnion("done", [
  z.object({ done: z.literal(true), resource: ResourceSchema }),
  z.object({ done: z.literal(false), rewriteToken: z.string() }),
]);
