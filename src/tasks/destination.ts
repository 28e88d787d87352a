import * as z from "zod";
import type { WriteMode } from "../ports/warehouse.ts";

/** What the built-in tasks that fill a table give back. */
export interface TableResult {
  readonly table: string;
  /** Rows read from the file or the query. */
  readonly rows: number;
  /** Rows the table holds afterwards. */
  readonly tableRows: number;
  /** What the warehouse charges for, when it charges by the byte. */
  readonly bytesBilled?: number;
}

/** Where rows go. The warehouse checks the name of the table: here it may still be a placeholder. */
export const tableSchema = z.string().min(1);
export const modeSchema = z.enum(["append", "replace", "merge"]);
export const keySchema = z.array(z.string().min(1)).min(1);

/** For `superRefine`: a key goes with mode merge, and with no other. */
export function checkKey(
  parameters: { readonly mode: WriteMode; readonly key?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  if (parameters.mode === "merge" && !parameters.key)
    context.addIssue({ code: "custom", path: ["key"], message: "mode merge needs the columns of its key" });
  if (parameters.mode !== "merge" && parameters.key)
    context.addIssue({ code: "custom", path: ["key"], message: "only mode merge has a key" });
}
