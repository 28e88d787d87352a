import { resolve } from "node:path";
import * as z from "zod";
import { logLevels } from "../adapters/pino/logger.ts";
import { parseDurationSeconds } from "../core/duration.ts";
import { BatonError, messageOf } from "../core/errors.ts";

const duration = (name: string) =>
  z.string().transform((text, context) => {
    try {
      return parseDurationSeconds(text, name);
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error) });
      return z.NEVER;
    }
  });

const flag = z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1");

const EnvironmentSchema = z.object({
  BATON_DATA: z.string().min(1).default(".baton"),
  BATON_INBOX: z.string().min(1).optional(),
  BATON_WORKFLOWS: z.string().min(1).default("functions/workflows"),
  BATON_DURABILITY: z.enum(["full", "normal"]).default("full"),
  BATON_LEASE: duration("BATON_LEASE").prefault("30s"),
  BATON_SWEEP: duration("BATON_SWEEP").prefault("30s"),
  BATON_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(50),
  BATON_HTTP_ALLOW_PRIVATE: flag.prefault("false"),
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
  readonly allowPrivateAddresses: boolean;
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
    allowPrivateAddresses: values.BATON_HTTP_ALLOW_PRIVATE,
    logLevel: values.BATON_LOG_LEVEL,
  };
}
