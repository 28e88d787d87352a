import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SecretRedactor } from "../../src/core/values/secrets.ts";

const texts = (value: string) => new SecretRedactor([{ name: "A", mark: "secret0", value }]);

describe("a secret is put where its mark is", () => {
  test.each([
    ["https://a.example/hooks/secret0", "T0/b c", "https://a.example/hooks/T0/b%20c"],
    ["https://a.example/x?key=secret0&n=1", "a&b=c/d", "https://a.example/x?key=a%26b%3Dc%2Fd&n=1"],
    ["secret0", "https://a.example/hooks/T0?x=1", "https://a.example/hooks/T0?x=1"],
    ["secret0/jobs", "https://a.example", "https://a.example/jobs"],
    ["https://secret0/jobs", "a.example:81", "https://a.example:81/jobs"],
  ])("in an address: %s", (written, value, sent) => {
    expect(texts(value).revealInUrl(written)).toBe(sent);
  });

  test("in JSON and in a header, with whatever characters it has", () => {
    const value = 'a"b\\c$&';
    expect(JSON.parse(texts(value).revealInJson('{"key":"Bearer secret0"}'))).toEqual({
      key: `Bearer ${value}`,
    });
    expect(texts(value).reveal("Bearer secret0")).toBe(`Bearer ${value}`);
  });
});

const spellings: readonly ((value: string) => string)[] = [
  (value) => value,
  JSON.stringify,
  (value) => JSON.stringify(JSON.stringify(value)),
  encodeURIComponent,
  encodeURI,
  (value) => encodeURIComponent(value).replaceAll("%20", "+"),
  (value) =>
    value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
];

test("nothing of it is left in an answer, in any encoding", () => {
  const secret = fc.string({ minLength: 6, maxLength: 40, unit: "grapheme-ascii" });
  fc.assert(
    fc.property(secret, fc.constantFrom(...spellings), (value, spell) => {
      fc.pre(!/[[\]]|secret|^\s*$/.test(value));
      const blanked = texts(value).redact(`before ${spell(value)} after`);
      expect(blanked).not.toContain(value);
      expect(blanked).toContain("[secret A]");
    }),
  );
});

test("values and names of JSON lose it, and all else stays", () => {
  expect(
    texts("123456789").redactJson({
      number: 123456789,
      other: 12,
      list: ["x 123456789", null, true],
      "123456789": { deep: "123456789" },
    }),
  ).toEqual({
    number: "[secret A]",
    other: 12,
    list: ["x [secret A]", null, true],
    "[secret A]": { deep: "[secret A]" },
  });
});

test("of two secrets the longer is taken out first: none leaves a part of the other", () => {
  const both = new SecretRedactor([
    { name: "SHORT", mark: "m1", value: "abcdef" },
    { name: "LONG", mark: "m2", value: "abcdef-ghi" },
  ]);
  expect(both.redact("abcdef-ghi abcdef")).toBe("[secret LONG] [secret SHORT]");
});
