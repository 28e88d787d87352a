import { BatonError } from "../core/errors.ts";
import type { CallbackCondition } from "../ports/callbacks.ts";

export interface SelectionOptions {
  readonly key?: string;
  readonly event?: string;
  readonly jobId?: string;
  readonly accountId?: string;
  readonly leadId?: string;
  readonly field?: readonly string[];
  readonly where?: string;
  readonly table?: string;
}

/** Which callbacks are meant: that of a key, one by its id, or those of the archive that satisfy a condition. */
export type Selection =
  | { readonly key: string }
  | { readonly eventId: string }
  | { readonly condition: CallbackCondition };

/** Throws `USAGE` unless exactly one way to select was used. */
export function selectionOf(options: SelectionOptions): Selection {
  const { key, event, jobId, accountId, leadId, field, where, table } = options;
  const ways = [key, event, jobId, field, where].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw usage(
      "Select callbacks in one way: --key, --event, --job-id, --field (perhaps several), or --where",
    );
  if ((accountId !== undefined || leadId !== undefined) && jobId === undefined)
    throw usage("--account-id and --lead-id go with --job-id");
  if (table !== undefined && (key ?? event) !== undefined)
    throw usage("--table names a table of the archive; --key and --event do not look there");
  if (key !== undefined) return { key };
  if (event !== undefined) return { eventId: event };
  if (where !== undefined) return { condition: { where } };
  const named = [
    ["job_id", jobId],
    ["account_id", accountId],
    ["lead_id", leadId],
  ].flatMap(([name, value]) => (name !== undefined && value !== undefined ? [[name, value] as const] : []));
  return { condition: { equals: Object.fromEntries([...named, ...(field ?? []).map(readField)]) } };
}

function readField(written: string): readonly [name: string, value: string] {
  const at = written.indexOf("=");
  if (at < 1) throw usage(`--field ${written}: expected name=value`);
  return [written.slice(0, at), written.slice(at + 1)];
}

function usage(message: string): BatonError {
  return new BatonError("USAGE", message);
}
