import { resolve } from "node:path";
import * as z from "zod";
import { logLevels } from "../adapters/pino/logger.ts";
import { parseSecrets } from "../adapters/webhook/secrets.ts";
import { parseDurationSeconds } from "../core/duration.ts";
import { BatonError, messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { type QueueSettings, QueuesSchema } from "../core/queues.ts";

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

const flag = z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1");

const EnvironmentSchema = z.object({
  BATON_DATA: z.string().min(1).default(".baton"),
  BATON_INBOX: z.string().min(1).optional(),
  BATON_WORKFLOWS: z.string().min(1).default("functions/workflows"),
  BATON_DURABILITY: z.enum(["full", "normal"]).default("full"),
  BATON_LEASE: duration("BATON_LEASE").prefault("30s"),
  BATON_SWEEP: duration("BATON_SWEEP").prefault("30s"),
  BATON_CONCURRENCY: z.coerce.number().int().min(1).max(limits.queueConcurrency).default(50),
  BATON_QUEUES: QueuesSchema.prefault(""),
  BATON_HTTP_ALLOW_PRIVATE: flag.prefault("false"),
  BATON_CALLBACK_SECRET: secrets.optional(),
  BATON_LOG_LEVEL: z.enum(logLevels).optional(),
});

/** Everything the environment decides. Folders are absolute; times are seconds. */
export interface Configuration {
  readonly data: string;
  /** Where files are dropped. `configured` when it was named: then it has to exist. */
  readonly inbox: { readonly folder: string; readonly configured: boolean };
  readonly workflows: string;
  readonly durability: "full" | "normal";
  readonly leaseSeconds: number;
  readonly sweepSeconds: number;
  /** Tasks of one queue that run at the same time in this process. */
  readonly concurrency: number;
  /** The queues that have settings of their own: how many of their tasks run at the same time, and how fast they begin. */
  readonly queues: ReadonlyMap<string, QueueSettings>;
  readonly allowPrivateAddresses: boolean;
  /** Secrets that callbacks are signed with, separated by spaces; undefined: one of the data folder. */
  readonly callbackSecret: string | undefined;
  readonly logLevel: (typeof logLevels)[number] | undefined;
}

/** Parses the environment; every wrong variable is named at once. Throws `CONFIGURATION_INVALID`. */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const parsed = EnvironmentSchema.safeParse(environment);
  if (!parsed.success) throw new BatonError("CONFIGURATION_INVALID", z.prettifyError(parsed.error));
  const values = parsed.data;
  const data = resolve(values.BATON_DATA);
  return {
    data,
    inbox: {
      folder: resolve(values.BATON_INBOX ?? `${data}/inbox`),
      configured: values.BATON_INBOX !== undefined,
    },
    workflows: resolve(values.BATON_WORKFLOWS),
    durability: values.BATON_DURABILITY,
    leaseSeconds: values.BATON_LEASE,
    sweepSeconds: values.BATON_SWEEP,
    concurrency: values.BATON_CONCURRENCY,
    queues: values.BATON_QUEUES,
    allowPrivateAddresses: values.BATON_HTTP_ALLOW_PRIVATE,
    callbackSecret: values.BATON_CALLBACK_SECRET,
    logLevel: values.BATON_LOG_LEVEL,
  };
}
