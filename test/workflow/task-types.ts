import * as z from "zod";
import type { TaskType } from "../../src/runtime/task-type.ts";

const parameters = z
  .strictObject({
    table: z.string().min(1),
    mode: z.enum(["append", "replace", "merge"]).default("append"),
    limit: z.int().max(100).optional(),
    from: z.union([z.strictObject({ row: z.int() }), z.literal("start")]).optional(),
    key: z.array(z.string()).optional(),
  })
  .refine(({ mode, key }) => mode !== "merge" || key !== undefined, "mode merge needs a key");
const load: TaskType = { type: "load", summary: "", parameters, run: async () => null };
const noop: TaskType = { type: "noop", summary: "", parameters: z.strictObject({}), run: async () => null };
/** Task types to write workflows against. */
export const taskTypes = new Map([load, noop].map((type) => [type.type, type]));
