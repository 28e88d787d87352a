import { describe, expect, it } from "vitest";
import { addressRefusal, isAddress } from "../../src/adapters/http/guard.ts";

describe("address rules", () => {
  const bad = [
    [
      "loopback",
      "127.0.0.1",
      "127.255.0.9",
      "127.1",
      "0x7f000001",
      "2130706433",
      "0177.0.0.1",
      "::1",
      "[::1]",
    ],
    ["private", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12:3456::1", "fc00::1"],
    [
      "link-local and metadata",
      "169.254.169.254",
      "fe80::1",
      "fe80::1%eth0",
      "fd00:ec2::254",
      "168.63.129.16",
    ],
    ["shared and unspecified", "100.64.0.1", "100.100.100.200", "0.0.0.0", "0.1.2.3", "::"],
    [
      "multicast, broadcast and reserved",
      "224.0.0.1",
      "255.255.255.255",
      "240.0.0.1",
      "192.0.2.1",
      "ff02::1",
    ],
    [
      "special IPv6",
      "2001:db8::1",
      "100::1",
      "fec0::1",
      "5f00::1",
      "4000::1",
      "2001::1",
      "64:ff9b:1::808:808",
    ],
    ["mapped", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:10.0.0.1"],
    ["6to4 and NAT64", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254"],
    ["no address", "localhost", "", "1.2.3.4.5"],
  ].flatMap(([kind, ...addresses]) => addresses.map((address) => [kind, address] as const));
  it.each(bad)("%s: %s is refused", (_kind, address) => expect(addressRefusal(address)).toBeTypeOf("string"));

  const good = ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111", "[2a00:1450::1]"];
  const goodEmbedded = ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"];
  it.each([...good, ...goodEmbedded])("%s is let through", (address) =>
    expect(addressRefusal(address)).toBeUndefined(),
  );

  it("distinguishes addresses from names", () => {
    expect(["127.1", "0x7f000001", "[::1]"].map(isAddress)).toEqual([true, true, true]);
    expect(["localhost", "example.com", "1.example.com"].map(isAddress)).toEqual([false, false, false]);
  });
});
