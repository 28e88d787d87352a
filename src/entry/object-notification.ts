import * as z from "zod";
import type { ObjectMessage } from "../core/messages.ts";
import { sealAttribute } from "../core/seal.ts";
import { laneAttribute } from "../core/topics.ts";
import { parseAs } from "./refusal.ts";
import type { Ignored } from "./request.ts";

/** The attributes by which a Cloud Storage notification is known, and Baton's own. All others are left alone. */
export const AttributesSchema = z.object({
  [sealAttribute]: z.string().optional().catch(undefined),
  [laneAttribute]: z.string().optional().catch(undefined),
  eventType: z.string().optional(),
  bucketId: z.string().optional(),
  objectId: z.string().optional(),
  objectGeneration: z.string().optional(),
});
export type Attributes = z.infer<typeof AttributesSchema>;

const FinalizedSchema = z.object({
  bucketId: z.string().min(1),
  objectId: z.string().min(1),
  objectGeneration: z.string().min(1),
});

/** What a bucket's notification says; undefined when the attributes are not one's. Throws `BODY_NOT_AN_EVENT`. */
export function parseNotification(
  attributes: Attributes,
  where: string,
): ObjectMessage | Ignored | undefined {
  if (!attributes.eventType?.startsWith("OBJECT_")) return undefined;
  // A bucket may be set to notify of more than Baton wants; that is no mistake of the message.
  if (attributes.eventType !== "OBJECT_FINALIZE")
    return { ignored: `Cloud Storage event ${attributes.eventType.slice(0, 100)}` };
  const finalized = parseAs(FinalizedSchema, attributes, "a Cloud Storage notification", where);
  return {
    kind: "object",
    bucket: finalized.bucketId,
    object: finalized.objectId,
    generation: finalized.objectGeneration,
  };
}
