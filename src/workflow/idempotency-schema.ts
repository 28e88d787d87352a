import * as z from "zod";
import { type Idempotency, IdempotencySchema, type KeySpec } from "../core/idempotency.ts";
import { defaults, limits } from "../core/limits.ts";
import { timeZoneProblem } from "../core/time-zone.ts";
import { durationUpTo } from "./duration-schema.ts";

const isKeyFunction = (key: unknown) => typeof key === "function";

const KeySchema = z
  .union([
    z.literal("arguments"),
    z.strictObject({ fields: z.array(z.string()) }),
    z.strictObject({ date: z.string() }),
    z.custom<() => string>(isKeyFunction),
  ])
  .transform((key, context): KeySpec => {
    if (typeof key === "object" && "date" in key) {
      const message = timeZoneProblem(key.date);
      if (message !== undefined) context.addIssue({ code: "custom", message, path: ["date"] });
    }
    if (key === "arguments") return { by: "arguments" };
    if (typeof key === "function") return { by: "function" };
    return "fields" in key ? { by: "fields", fields: key.fields } : { by: "date", timeZone: key.date };
  });

/** `idempotency` of a task as people write it, and what the definition keeps of it. */
export const WrittenIdempotencySchema = z
  .preprocess(
    (written) => (written === true ? {} : written),
    z.strictObject({
      key: KeySchema.optional(),
      scope: IdempotencySchema.shape.scope.optional(),
      ttl: durationUpTo(limits.resultTtlSeconds).optional(),
      lock: durationUpTo(limits.delaySeconds).optional(),
      onLocked: IdempotencySchema.shape.onLocked.optional(),
      recurring: z.boolean().optional(),
    }),
  )
  .transform(
    ({ key, scope, ttl, lock, onLocked, recurring }): Idempotency => ({
      key: key ?? { by: "arguments" },
      scope: scope ?? defaults.idempotency.scope,
      ttlSeconds: ttl ?? defaults.idempotency.ttlSeconds,
      lockSeconds: lock ?? defaults.idempotency.lockSeconds,
      onLocked: onLocked ?? defaults.idempotency.onLocked,
      recurring: recurring ?? defaults.idempotency.recurring,
    }),
  )
  .pipe(IdempotencySchema);
