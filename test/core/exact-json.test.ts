import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatonError } from "../../src/core/errors/errors.ts";
import {
  isExactNumber,
  numberOrText,
  parseExactJson,
  parseStoredJson,
} from "../../src/core/values/json-text.ts";

const parseTexts = (text: string) => parseExactJson(text, "input", "text");

describe("a number as it was written", () => {
  test.each([
    "0",
    "-0",
    "1.0",
    "1e3",
    "1E3",
    "1e+3",
    "100e-2",
    "0.1",
    "-0.1",
    "2.50",
    "1e23",
    "1e308",
    "5e-324",
    "0e999",
  ])("%s is kept", (source) => {
    expect(isExactNumber(source)).toBe(true);
  });

  test.each([
    ["the largest that a double counts to", "9007199254740991"],
    ["a larger one that a double holds", "9007199254740994"],
    ["a larger one that a program with doubles wrote", "1152921504606847000"],
    ["17 digits of a double", "0.10000000000000001"],
    ["16 digits of a double that has shorter ones", "99999999999999.91"],
    ["a time in seconds and their millionths", "1764516630.123456"],
    ["a quotient of PostgreSQL", "3.3333333333333333"],
    ["an average of PostgreSQL", "33.3333333333333333"],
    ["more digits than a double has", "3.14159265358979323846264338327950288"],
  ])("%s is kept", (_name, source) => {
    expect(isExactNumber(source)).toBe(true);
  });

  test.each([
    ["an id of 64 bits", "7615917337495251231"],
    ["one more than a double counts to", "9007199254740993"],
    ["the same, negative", "-9007199254740993"],
    ["the same with a point", "9007199254740993.0"],
    ["the same with an exponent", "9007199254740993e0"],
    ["the same as a fraction", "90071992547409930e-1"],
    ["a whole number and a half", "9007199254740993.5"],
    ["an exact power of two that would be written with other digits", "1152921504606846976"],
    ["an amount of 16 digits", "99999999999999.99"],
    ["the same with an exponent", "9.999999999999999e13"],
    ["the same, negative and with a zero behind it", "-99999999999999.990"],
    ["more than a double goes up to", "1e400"],
    ["less than a double goes down to", "1e-400"],
    ["so little that digits are lost", "1.23456789e-320"],
  ])("%s would be changed", (_name, source) => {
    expect(isExactNumber(source)).toBe(false);
  });

  test("every double is kept as JavaScript writes it, and with up to 40 digits unless it is whole", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(isExactNumber(String(value))).toBe(true);
        if (!Number.isInteger(value) && Math.abs(value) > 1e-300)
          expect(isExactNumber(value.toPrecision(40).replace("e+", "e"))).toBe(true);
      }),
    );
  });

  test("a double above the smallest normal one is kept with as many digits as a program prints of it", () => {
    const doubles = fc.double({ min: 1e-300, max: 2 ** 53, noNaN: true });
    fc.assert(
      fc.property(doubles, fc.integer({ min: 1, max: 17 }), (value, digits) => {
        const print = value.toPrecision(digits);
        if (!/e\+|^\d+$/.test(print)) expect(isExactNumber(print)).toBe(true);
      }),
    );
  });

  test("an integer is kept if and only if it converts back to the same digits", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 70n), 2n ** 70n), (value) => {
        const comesBack = BigInt(Number(value)) === value && Math.abs(Number(value)) < 2 ** 53;
        if (comesBack) expect(isExactNumber(String(value))).toBe(true);
        if (isExactNumber(String(value))) expect(String(Number(value))).toBe(String(value));
      }),
    );
  });
});

describe("JSON from outside", () => {
  const id = "7615917337495251231";
  test.each([
    [id, "input"],
    [`{"order":${id}}`, "input.order"],
    [`{"a":[{},{"b c":[1,${id}]}]}`, 'input.a[1]["b c"][1]'],
    [`{"__proto__":{"constructor":${id}}}`, "input.__proto__.constructor"],
    [`[0,1e999]`, "input[1]"],
  ])("%s is refused, naming the path", (text, path) => {
    expect(() => parseExactJson(text, "input")).toThrow(
      expect.objectContaining({ code: "NUMBER_NOT_EXACT", where: path }),
    );
    expect(JSON.stringify(parseTexts(text))).toBe(text.replace(/7\d{18}|1e999/, '"$&"'));
  });

  test("digits in texts and keys are no numbers", () => {
    const text = `{"${id}":"${id}","escaped \\" ${id}":["1e999"]}`;
    expect(JSON.stringify(parseExactJson(text, "input"))).toBe(text);
    expect(JSON.stringify(parseTexts(text))).toBe(text);
  });

  test("as texts, all whole numbers beyond 2^53 are, whatever their digits, and no others", () => {
    const text = "[9007199254740991,9007199254740992,-9007199254740992,1e21,0.1,1234567890123456]";
    expect(parseTexts(text)).toEqual([
      9007199254740991,
      "9007199254740992",
      "-9007199254740992",
      1e21,
      0.1,
      1234567890123456,
    ]);
    expect(numberOrText("1e400")).toBe("1e400");
  });

  test("keys that JavaScript has a meaning for stay keys", () => {
    const text = `{"__proto__":{"polluted":1},"constructor":{"prototype":2},"toString":[${"1".repeat(15)}.5]}`;
    for (const parse of [parseExactJson, parseTexts]) expect(JSON.stringify(parse(text, "input"))).toBe(text);
    expect({}).not.toHaveProperty("polluted");
  });

  test("invalid JSON is a SyntaxError, as of JSON.parse", () => {
    expect(() => parseExactJson(`{"a":${id}`, "input")).toThrow(SyntaxError);
  });

  test("JSON without such numbers is what JSON.parse makes of it", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseExactJson(text, "input")).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("a key that its object has already", () => {
  test.each([
    ['{"id":1,"id":2}', "input.id"],
    ['{"a":[{},{"b c":{"x":1},"y":2,"b c":3}]}', 'input.a[1]["b c"]'],
    ['{"a":{"b":1} , "\\u0061" : {"b":2}}', "input.a"],
    ['{"__proto__":1,"__proto__":{"x":[1]}}', "input.__proto__"],
    ['[{"\\"":1,"\\"":2}]', 'input[0]["\\""]'],
    ['{"a":1234567890123456,"a":1}', "input.a"],
  ])("in %s is refused, naming its path", (text, where) => {
    for (const largeNumbers of ["refuse", "text"] as const)
      expect(() => parseExactJson(text, "input", largeNumbers)).toThrow(
        expect.objectContaining({ code: "KEY_REPEATED", where }),
      );
  });

  test("of a database gives its first value", () => {
    const text = '{"a":{"x":1,"x":[{"y":2}]},"b":[1],"a":{"y":1,"y":2},"c":9007199254740993,"b":"},","b":3}';
    expect(parseStoredJson(text)).toEqual({ a: { x: 1 }, b: [1], c: "9007199254740993" });
  });

  test("is not found where none is, and wherever one is", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseStoredJson(text)).toEqual(parseTexts(text));
      }),
    );
    const entries = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", '"'), fc.json()), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(entries, (members) => {
        const text = `{${members.map(([key, item]) => `${JSON.stringify(key)} : ${item}`).join(" ,\n")}}`;
        const first = new Map<string, unknown>();
        for (const [key, item] of members) if (!first.has(key)) first.set(key, parseTexts(item));
        expect(parseStoredJson(text)).toEqual(Object.fromEntries(first));
        const refused = (() => {
          try {
            parseExactJson(text, "input");
            return false;
          } catch (error) {
            return error instanceof BatonError && error.code === "KEY_REPEATED";
          }
        })();
        expect(refused).toBe(first.size < members.length);
      }),
    );
  });
});
