import { type LookupAddress, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { buildConnector } from "undici";
import { TaskError } from "../../core/errors/errors.ts";

/** Resolves a name to all of its addresses, as Node's `dns.lookup` does. */
export type Resolve = (
  hostname: string,
  options: { readonly all: true; readonly family?: number; readonly hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Decides which addresses may be connected to. Tests replace its parts. */
export interface Guard {
  readonly resolve: Resolve;
  /** Why an address must not be connected to; undefined if it may be. */
  readonly refusalReason: (address: string) => string | undefined;
}

export const publicAddressesOnly: Guard = { resolve: systemLookup, refusalReason: addressRefusal };

/**
 * Connects to public addresses only. A name is resolved once, all its addresses are checked, and only these addresses
 * are connected to. IP literals never reach a lookup, so they are checked first.
 */
export function guardedConnector(guard: Guard): buildConnector.connector {
  const connect = buildConnector({ lookup: guardedLookup(guard) });
  return (target, callback) => {
    const refusal = isAddress(target.hostname) ? guard.refusalReason(target.hostname) : undefined;
    if (refusal === undefined) connect(target, callback);
    else callback(addressRefused(target.hostname, refusal), null);
  };
}

/** A lookup that fails if any of the addresses must not be connected to. */
function guardedLookup(guard: Guard): LookupFunction {
  return (hostname, options, callback) => {
    const family = toFamilyNumber(options.family);
    guard.resolve(hostname, { family, hints: options.hints ?? 0, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      const problem = error ?? findRefusal(guard, hostname, addresses);
      if (problem || !first) return callback(problem ?? new Error(`${hostname} has no address`), []);
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

function findRefusal(
  guard: Guard,
  hostname: string,
  addresses: readonly LookupAddress[],
): TaskError | undefined {
  for (const { address } of addresses) {
    const refusal = guard.refusalReason(address);
    if (refusal !== undefined) return addressRefused(`${hostname} (${address})`, refusal);
  }
  return undefined;
}

function toFamilyNumber(family: number | "IPv4" | "IPv6" | undefined): number {
  if (family === "IPv4") return 4;
  if (family === "IPv6") return 6;
  return family ?? 0;
}

export function addressRefused(target: string, reason: string): TaskError {
  return new TaskError(`Refused to connect to ${target}: ${reason}`, {
    code: "HTTP_ADDRESS_REFUSED",
    retryable: false,
  });
}

/** In a public range, but reachable only inside a cloud: Azure's instance service. */
const metadataAddresses: ReadonlySet<string> = new Set(["168.63.129.16"]);

/** IPv6 ranges whose last 32 bits are an IPv4 address: mapped addresses and NAT64 (RFC 6052). */
const ipv4SuffixRanges: readonly string[] = ["::ffff:0:0/96", "64:ff9b::/96"];
const sixToFour = "2002::/16";
const globalUnicast = "2000::/3";

/**
 * Why an address must not be connected to; undefined for an ordinary public one. Accepts every spelling of an IP
 * address (`127.1`, `0x7f000001`, `2130706433`, `[::1]`, `::ffff:7f00:1`), and refuses anything else.
 */
export function addressRefusal(address: string): string | undefined {
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (!ipaddr.isValid(bare)) return "it is not an IP address";
  const parsed = ipaddr.parse(bare);
  return parsed instanceof ipaddr.IPv4 ? ipv4Refusal(parsed) : ipv6Refusal(parsed);
}

function ipv4Refusal(address: ipaddr.IPv4): string | undefined {
  if (metadataAddresses.has(address.toString())) return "it is a metadata address";
  const range = address.range();
  return range === "unicast" ? undefined : `it is ${range}`;
}

/** Accepts global unicast only: ranges that are not assigned yet may get any meaning. */
function ipv6Refusal(address: ipaddr.IPv6): string | undefined {
  const embedded = embeddedIpv4(address);
  if (embedded) return ipv4Refusal(embedded);
  const range = address.range();
  if (range !== "unicast") return `it is ${range}`;
  return address.match(ipaddr.IPv6.parseCIDR(globalUnicast)) ? undefined : "it is reserved";
}

function embeddedIpv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  if (ipv4SuffixRanges.some((range) => address.match(ipaddr.IPv6.parseCIDR(range))))
    return new ipaddr.IPv4(bytes.slice(12));
  if (address.match(ipaddr.IPv6.parseCIDR(sixToFour))) return new ipaddr.IPv4(bytes.slice(2, 6));
  return undefined;
}

/** Whether a host of a URL is an IP address rather than a name. */
export function isAddress(host: string): boolean {
  return ipaddr.isValid(host.replace(/^\[(.*)\]$/, "$1"));
}
