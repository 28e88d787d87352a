import { type LookupAddress, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { TaskError } from "../../core/errors.ts";
import { isAddress, refusalOf } from "./addresses.ts";

/** How names become addresses: Node's `dns.lookup`, asked for all answers. */
export type Resolve = (
  hostname: string,
  options: { readonly all: true; readonly family?: number; readonly hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What the guard asks; tests ask something else. */
export interface Guard {
  readonly resolve: Resolve;
  /** Why an address must not be connected to. */
  readonly refusalOf: (address: string) => string | undefined;
}

export const publicAddressesOnly: Guard = { resolve: systemLookup, refusalOf };

/**
 * Connects to public addresses only. A name is resolved once: all its addresses are checked, and those are the ones
 * that are connected to. IP literals never reach a lookup, so they are checked before.
 */
export function guardedConnector(guard: Guard): buildConnector.connector {
  const connect = buildConnector({ lookup: guardedLookup(guard) });
  return (target, callback) => {
    const refusal = isAddress(target.hostname) ? guard.refusalOf(target.hostname) : undefined;
    if (refusal === undefined) connect(target, callback);
    else callback(refused(target.hostname, refusal), null);
  };
}

/** A lookup that fails when any answer is an address that must not be connected to. */
function guardedLookup(guard: Guard): LookupFunction {
  return (hostname, options, callback) => {
    const family = familyOf(options.family);
    guard.resolve(hostname, { family, hints: options.hints ?? 0, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      const problem = error ?? problemOfAnswers(guard, hostname, addresses);
      if (problem || !first) return callback(problem ?? new Error(`${hostname} has no address`), []);
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

function problemOfAnswers(
  guard: Guard,
  hostname: string,
  addresses: readonly LookupAddress[],
): TaskError | undefined {
  for (const { address } of addresses) {
    const refusal = guard.refusalOf(address);
    if (refusal !== undefined) return refused(`${hostname} (${address})`, refusal);
  }
  return undefined;
}

function familyOf(family: number | "IPv4" | "IPv6" | undefined): number {
  if (family === "IPv4") return 4;
  if (family === "IPv6") return 6;
  return family ?? 0;
}

export function refused(target: string, reason: string): TaskError {
  return new TaskError(`Refused to connect to ${target}: ${reason}`, {
    code: "HTTP_ADDRESS_REFUSED",
    retryable: false,
  });
}
