import * as z from "zod";
import { JsonValueSchema, recordOf } from "./json.ts";

/** A result small enough to live in its document, or the object that holds it. */
export const StoredResultSchema = z.union([
  z.strictObject({ value: JsonValueSchema }),
  z.strictObject({ bucket: z.string(), object: z.string(), bytes: z.int() }),
]);
export type StoredResult = z.infer<typeof StoredResultSchema>;

export const StoredErrorSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
});
export type StoredError = z.infer<typeof StoredErrorSchema>;

/** What a task noted about its work, beside its result. Lists are cut to `limits.notes`; `dropped` counts what was cut. */
export const NotesSchema = z.strictObject({
  counters: recordOf(z.number()),
  warnings: z.array(z.string()),
  errors: z.array(z.string()),
  dropped: z.int().nonnegative(),
});
export type Notes = z.infer<typeof NotesSchema>;
