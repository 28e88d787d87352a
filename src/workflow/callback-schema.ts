import * as z from "zod";
import { type CallbackPolicy, CallbackPolicySchema } from "../core/callback.ts";
import { defaults } from "../core/limits.ts";
import { secretsInUrl } from "../core/written-secrets.ts";

/** `callback` of a task as people write it, and what the definition keeps of it. */
export const WrittenCallbackSchema = z
  .strictObject({
    url: z.string().superRefine((url, context) => {
      for (const { message } of secretsInUrl(url)) context.addIssue({ code: "custom", message });
    }),
    archive: z.strictObject({ table: z.string().optional(), key: z.array(z.string()) }).optional(),
  })
  .transform(
    ({ url, archive }): CallbackPolicy => ({
      url,
      ...(archive && { archive: { table: archive.table ?? defaults.callbackTable, key: archive.key } }),
    }),
  )
  .pipe(CallbackPolicySchema);
