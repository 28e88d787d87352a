import ipaddr from "ipaddr.js";

/** Public by number, but answering only inside a cloud: Azure's instance service. */
const metadataAddresses: ReadonlySet<string> = new Set(["168.63.129.16"]);

/** The last 32 bits are an IPv4 address, for NAT64 (RFC 6052) and mapped addresses. */
const embedsAtTheEnd: readonly string[] = ["::ffff:0:0/96", "64:ff9b::/96"];
const sixToFour = "2002::/16";
const globalUnicast = "2000::/3";

/**
 * Why an address must not be connected to, or undefined when it is an ordinary public one. Takes every spelling of an
 * IP address (`127.1`, `0x7f000001`, `2130706433`, `[::1]`, `::ffff:7f00:1`); anything else is refused.
 */
export function refusalOf(address: string): string | undefined {
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (!ipaddr.isValid(bare)) return "it is not an IP address";
  const parsed = ipaddr.parse(bare);
  return parsed instanceof ipaddr.IPv4 ? refusalOfIpv4(parsed) : refusalOfIpv6(parsed);
}

function refusalOfIpv4(address: ipaddr.IPv4): string | undefined {
  if (metadataAddresses.has(address.toString())) return "it is a metadata address";
  const range = address.range();
  return range === "unicast" ? undefined : `it is ${range}`;
}

/** Only global unicast is let through: what is not assigned yet may become anything. */
function refusalOfIpv6(address: ipaddr.IPv6): string | undefined {
  const embedded = embeddedIpv4(address);
  if (embedded) return refusalOfIpv4(embedded);
  const range = address.range();
  if (range !== "unicast") return `it is ${range}`;
  return address.match(ipaddr.IPv6.parseCIDR(globalUnicast)) ? undefined : "it is reserved";
}

function embeddedIpv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  if (embedsAtTheEnd.some((range) => address.match(ipaddr.IPv6.parseCIDR(range))))
    return new ipaddr.IPv4(bytes.slice(12));
  if (address.match(ipaddr.IPv6.parseCIDR(sixToFour))) return new ipaddr.IPv4(bytes.slice(2, 6));
  return undefined;
}

/** Whether a host of a URL is an IP address rather than a name. */
export function isAddress(host: string): boolean {
  return ipaddr.isValid(host.replace(/^\[(.*)\]$/, "$1"));
}
