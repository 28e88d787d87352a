import * as z from "zod";
import { logLevels } from "../adapters/pino/logger.ts";
import { parseSecrets } from "../adapters/webhook/secrets.ts";
import { parseDurationSeconds } from "../core/duration.ts";
import { messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { NameSchema } from "../core/names.ts";
import { QueuesSchema } from "../core/queues.ts";
import { daySeconds } from "../core/time.ts";
import { completionModes } from "../engine/dependencies.ts";
import { dataformVariables } from "./dataform-settings.ts";
import { powerBiVariables } from "./power-bi-settings.ts";
import { tracingVariables } from "./tracing/settings.ts";
import { flag, list } from "./variable-problems.ts";

const duration = (name: string) =>
  z.string().transform((text, context) => {
    try {
      return parseDurationSeconds(text, name);
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error) });
      return z.NEVER;
    }
  });

/** One secret, or several separated by blanks. The error does not show them. */
const secrets = z.string().transform((text, context) => {
  const parsed = parseSecrets(text);
  if (parsed) return parsed.join(" ");
  const message = "Write whsec_ and the base64 of 24 to 64 random bytes; separate several by a space";
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const isPositive = (seconds: number) => seconds > 0;
const moreThanNothing = { message: "more than 0s" };

const host = z.string().regex(/^[^/\s]+:\d+$/, "write host:port, without http://");
const origin = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

/** Those of the embedded engine, and of both. */
const embedded = {
  BATON_ENGINE: z.enum(["embedded", "gcp"]).default("embedded"),
  BATON_WAREHOUSE: z.enum(["duckdb", "bigquery"]).optional(),
  BATON_OBJECTS: z.enum(["folder", "storage"]).optional(),
  BATON_DATA: z.string().min(1).default(".baton"),
  BATON_INBOX: z.string().min(1).optional(),
  BATON_INBOX_QUIET: duration("BATON_INBOX_QUIET").refine(isPositive, moreThanNothing).optional(),
  BATON_WORKFLOWS: z.string().min(1).default("functions/workflows"),
  BATON_DURABILITY: z.enum(["full", "normal"]).default("full"),
  BATON_LEASE: duration("BATON_LEASE").refine(isPositive, moreThanNothing).optional(),
  BATON_SWEEP: duration("BATON_SWEEP").refine(isPositive, moreThanNothing).optional(),
  BATON_CONCURRENCY: z.coerce.number().int().min(1).max(limits.queueConcurrency).default(50),
  BATON_QUEUES: QueuesSchema.prefault(""),
  BATON_HTTP_ALLOW_PRIVATE: flag.prefault("false"),
  BATON_CALLBACK_SECRET: secrets.optional(),
  BATON_LOG_LEVEL: z.enum(logLevels).optional(),
  BATON_DEBUG: z.string().optional(),
};

/** Those of Google Cloud. */
const google = {
  BATON_PROJECT: z.string().min(1).optional(),
  GOOGLE_CLOUD_PROJECT: z.string().min(1).optional(),
  BATON_LOCATION: z.string().min(1).optional(),
  BATON_PREFIX: NameSchema.default("baton"),
  BATON_DATABASE: z.string().min(1).default("(default)"),
  BATON_BUCKET: z.string().min(3).optional(),
  BATON_INBOX_BUCKET: z.string().min(3).optional(),
  BATON_DATASET: z
    .string()
    .regex(/^\w{1,1024}$/, "a dataset has letters, digits and _")
    .default("baton"),
  BATON_BIGQUERY_LOCATION: z.string().min(1).optional(),
  BATON_MAX_BYTES_BILLED: z.coerce.number().int().positive().optional(),
  BATON_SERVICE_ACCOUNT: z.email().optional(),
  BATON_RETENTION: duration("BATON_RETENTION")
    .refine((seconds) => seconds >= limits.leastRetentionSeconds, {
      message: `at least ${limits.leastRetentionSeconds / daySeconds} days: messages about a batch may be that old`,
    })
    .prefault("400d"),
  BATON_FUNCTION_TIMEOUT: duration("BATON_FUNCTION_TIMEOUT")
    .refine((seconds) => seconds >= limits.leastFunctionSeconds && seconds < limits.deliveryDeadlineSeconds, {
      message: `from ${limits.leastFunctionSeconds}s to less than ${limits.deliveryDeadlineSeconds}s, the longest deadline of a push`,
    })
    .prefault("540s"),
  BATON_COMPLETIONS: z.enum(completionModes).default("published"),
  BATON_AUDIENCE: z.string().min(1).optional(),
  BATON_CALLERS: list.prefault(""),
  BATON_OIDC_ISSUER: origin.optional(),
  BATON_OIDC_KEYS_URL: z.url({ protocol: /^https?$/ }).optional(),
};

/** Local servers that speak the protocols of Google's services. The clients heed some of these names by themselves. */
const localServers = {
  FIRESTORE_EMULATOR_HOST: host.optional(),
  PUBSUB_EMULATOR_HOST: host.optional(),
  BATON_PUBSUB_ENDPOINT: origin.optional(),
  CLOUD_TASKS_EMULATOR_HOST: host.optional(),
  STORAGE_EMULATOR_HOST: origin.optional(),
  BIGQUERY_EMULATOR_HOST: origin.optional(),
  /** Asked before anything is parsed: whatever is here may be the name of a secret. */
  BATON_SECRET_MANAGER_ENDPOINT: z.string().optional(),
};

/** With one of them, a process works on something else than Google's services. */
export const localServerVariables: readonly string[] = Object.keys(localServers);

/** Every variable that a process reads, each by itself. */
export const EnvironmentSchema = z.object({
  ...embedded,
  ...google,
  ...localServers,
  ...dataformVariables,
  ...powerBiVariables,
  ...tracingVariables,
});
export type Environment = z.infer<typeof EnvironmentSchema>;
