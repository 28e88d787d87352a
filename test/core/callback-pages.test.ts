import { createHash } from "node:crypto";
import { type JsonValue as AnyJson, array, assert, integer, jsonValue, property, string } from "fast-check";
import { expect, test } from "vitest";
import { callbackPages, joinCallbackPages } from "../../src/core/callback-pages.ts";
import { limits } from "../../src/core/limits.ts";
import type { JsonValue } from "../../src/core/values/json.ts";

const head = { eventId: "event_1", type: "task.completed", occurredAt: "2026-10-01T08:00:00.000Z" } as const;
const pagesOf = (data: JsonValue, pageBytes: number = limits.callbackPageBytes) =>
  callbackPages({ ...head, data, pageBytes });
const bodiesOf = (data: JsonValue, pageBytes?: number) => pagesOf(data, pageBytes).map((page) => page.body);
/** What every body may have beside its data: names, numbers, the hash, the quotes around a chunk. */
const overheadBytes = 300;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
/** JSON keeps neither −0 nor the prototype of an object. */
const throughJson = (value: unknown): JsonValue => JSON.parse(JSON.stringify(value));

test("short data is one body, and its id the event's", () => {
  const data = { total: 3, name: "Zoë" };
  expect(pagesOf(data)).toEqual([{ webhookId: "event_1", body: expect.any(String) }]);
  const [body = ""] = bodiesOf(data);
  expect(JSON.parse(body)).toEqual({
    id: "event_1",
    type: "task.completed",
    occurredAt: "2026-10-01T08:00:00.000Z",
    page: 1,
    totalPages: 1,
    sha256: sha256(JSON.stringify(data)),
    data,
  });
});

test("long data is cut: each page has its own id, says where it belongs, and the chunks are the JSON text", () => {
  const data = { text: 'ab"\\\n😀é'.repeat(1_000) };
  const pages = pagesOf(data, 1_024);
  const total = pages.length;
  expect(pages.map((page) => page.webhookId)).toEqual(
    pages.map((_, index) => `event_1_p${index + 1}of${total}`),
  );
  const parsed = pages.map((page) => JSON.parse(page.body));
  for (const [index, page] of parsed.entries())
    expect(page).toMatchObject({
      id: "event_1",
      page: index + 1,
      totalPages: total,
      encoding: "json-text",
      sha256: sha256(JSON.stringify(data)),
    });
  expect(parsed.map((page) => page.data).join("")).toBe(JSON.stringify(data));
});

test("the border is the size of the data in UTF-8", () => {
  const data = "é".repeat(511);
  expect(Buffer.byteLength(JSON.stringify(data))).toBe(1_024);
  expect(pagesOf(data, 1_024)).toHaveLength(1);
  expect(pagesOf(data, 1_023)).toHaveLength(2);
});

test("text that is all quotes makes no page larger than the others", () => {
  const bodies = bodiesOf('"\\'.repeat(50_000), 4_096);
  expect(Math.max(...bodies.map((body) => Buffer.byteLength(body)))).toBeLessThan(4_096 + overheadBytes);
});

test("the largest result is cut and joined", () => {
  const data = { text: "x".repeat(limits.resultBytes) };
  expect(joinCallbackPages(bodiesOf(data))).toEqual(data);
});

const strange = array(string({ unit: "binary" }), { minLength: 1, maxLength: 40 });
const halves: JsonValue = ["\ud800", "\udc00\ud800", "\u0000\u001f\u2028", "\\ud800"];

test("any data comes back from its pages in any order, each page small, the same bytes every time", () => {
  assert(
    property(
      jsonValue({ stringUnit: "binary" }),
      strange,
      integer({ min: 1_024, max: 2_048 }),
      integer(),
      (value: AnyJson, texts, pageBytes, seed) => {
        const data = throughJson({ value, texts, halves, long: texts.join("").repeat(50) });
        const bodies = bodiesOf(data, pageBytes);
        expect(bodiesOf(data, pageBytes)).toEqual(bodies);
        for (const body of bodies) expect(Buffer.byteLength(body)).toBeLessThan(pageBytes + overheadBytes);
        if (bodies.length > 1)
          for (const body of bodies) expect(JSON.parse(body).data.isWellFormed()).toBe(true);
        const shuffled = bodies.toSorted((one, other) =>
          sha256(`${seed}${one}`) < sha256(`${seed}${other}`) ? -1 : 1,
        );
        expect(joinCallbackPages([...shuffled, ...shuffled.slice(0, 1)])).toEqual(data);
      },
    ),
  );
});

const long = bodiesOf({ text: "x".repeat(20_000) }, 1_024);
const replaced = (index: number, change: (body: string) => string) =>
  long.map((body, at) => (at === index ? change(body) : body));
const missing = (message: string) => ({
  code: "CALLBACK_PAGES_MISSING",
  message: expect.stringContaining(message),
});
const broken = (message: string) => ({
  code: "CALLBACK_PAGES_INVALID",
  message: expect.stringContaining(message),
});
const join = (bodies: readonly string[]) => {
  try {
    return joinCallbackPages(bodies);
  } catch (error) {
    return error;
  }
};

test("missing pages are named", () => {
  expect(long).toHaveLength(20);
  expect(join([])).toMatchObject(missing("No pages were given"));
  expect(join(long.filter((_, index) => index !== 2 && index !== 6))).toMatchObject(
    missing("Of the 20 pages of event_1 these are missing: 3, 7"),
  );
  expect(join(long.slice(0, 1))).toMatchObject(missing("2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 9 more"));
});

test("altered, foreign and wrong pages are refused", () => {
  expect(join(replaced(3, (body) => body.replace("xxx", "xyx")))).toMatchObject(broken("sha256"));
  expect(join([...long, long[4]?.replace("xxx", "xyx") ?? ""])).toMatchObject(
    broken("Page 5 was given twice with different content"),
  );
  expect(join(replaced(3, (body) => body.replace("event_1", "event_2")))).toMatchObject(
    broken("Page 4 of event_2 does not belong"),
  );
  expect(join(replaced(3, (body) => body.replace(/"sha256":"../, '"sha256":"zz')))).toMatchObject(
    broken("does not belong"),
  );
  expect(join(replaced(3, (body) => body.replace('"totalPages":20', '"totalPages":3')))).toMatchObject(
    broken("Body 4 is not a page"),
  );
  for (const body of ["", "null", "{}", "[1]", bodiesOf(1)[0]?.replace(',"data":1', "") ?? ""])
    expect(join([body])).toMatchObject(broken("Body 1 is not a page"));
  expect(join(bodiesOf({ n: 1 }).map((body) => body.replace('"n":1', '"n":2')))).toMatchObject(
    broken("sha256"),
  );
});
