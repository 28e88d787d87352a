import * as z from "zod";

const textSchema = z.string().min(1);

/** One SQL text, or one per dialect. */
export const sqlSchema = z.union([
  textSchema,
  z.strictObject({ duckdb: textSchema.optional(), bigquery: textSchema.optional() }),
]);
