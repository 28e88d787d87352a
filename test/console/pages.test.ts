import { gzipSync } from "node:zlib";
import { load } from "cheerio";
import { describe, expect, test } from "vitest";
import { workflow } from "../../src/workflow/builder.ts";
import { runToEnd } from "../support/app.ts";
import { hostileTexts } from "./hostile-texts.ts";
import { assets, openConsole } from "./place.ts";

/** The elements of a page with their attributes but for what they say. */
function skeleton(page: string): string[] {
  const $ = load(page);
  return $("*")
    .toArray()
    .map(
      (element) =>
        `${$(element).prop("tagName")} ${Object.keys($(element).attr() ?? {})
          .sort()
          .join(" ")}`,
    );
}

test.each([
  ["a script", 0],
  ["others", 1],
])("hostile texts in inputs, results, errors and notes create no element (%s)", async (_, round) => {
  const half = hostileTexts.filter((_, index) => index % 2 === round);
  const echo = workflow("echo")
    .task("result", async ({ input }) => input)
    .task(
      "fail",
      async ({ input }) => {
        throw new Error(String(input));
      },
      { after: ["result"], retry: { maxAttempts: 1 } },
    );
  const place = await openConsole([echo]);
  const pagesOf = async (written: string) => {
    const text = written.toWellFormed();
    const { batchId } = await runToEnd(place.app, "echo", text);
    const paths = ["", "?t=result", "?t=fail", "?v=report", "?v=table&t=fail"].map(
      (query) => `/b/${batchId}${query}`,
    );
    paths.push(
      `/w/echo?from=${batchId}`,
      `/b?q=${encodeURIComponent(text)}`,
      `/k/${encodeURIComponent(text) || "x"}`,
    );
    return Promise.all(paths.map(async (path) => skeleton((await place.get(path)).text)));
  };
  const harmless = await pagesOf("plain");
  const whole = await pagesOf(half.join("|"));
  // The pages after these list one batch more each time.
  for (const [index, elements] of whole.entries()) if (index < 5) expect(elements).toEqual(harmless[index]);
  for (const page of whole) {
    expect(page.filter((element) => element.startsWith("SCRIPT"))).toEqual(["SCRIPT src type"]);
    expect(page.filter((element) => / on|iframe|foreignobject|base|javascript/i.test(element))).toEqual([]);
  }
});

describe("sizes", () => {
  const wide = (tasks: number) => {
    let flow = workflow("wide").task("first", async () => ({ rows: 1 }));
    const names = Array.from({ length: tasks - 2 }, (_, index) => `part-${String(index).padStart(5, "0")}`);
    for (const name of names)
      flow = flow.task(name, async () => ({ rows: 12, file: `${name}.csv` }), { after: ["first"] });
    return flow.task("last", async () => 1, { after: names as never });
  };

  test("the script and the style are at most 25 KB compressed", async () => {
    const place = await openConsole([wide(3)]);
    const files = await Promise.all(
      [assets.scriptHref, assets.styleHref].map(
        async (path) => gzipSync((await place.get(path)).text).byteLength,
      ),
    );
    expect(files[0] ?? 0).toBeGreaterThan(1_000);
    expect((files[0] ?? 0) + (files[1] ?? 0)).toBeLessThanOrEqual(25 * 1024);
  });

  test.each(["graph", "timeline", "table", "report"])(
    "200 tasks: the %s is at most 40 KB compressed",
    async (view) => {
      const place = await openConsole([wide(200)]);
      const { batchId } = await runToEnd(place.app, "wide");
      const { text } = await place.get(`/b/${batchId}?v=${view}&t=part-00007`);
      expect(text).toContain("part-00007");
      expect(gzipSync(text).byteLength).toBeLessThanOrEqual(40 * 1024);
    },
  );
});

test("a page that is unchanged is not sent again, and the clock alone is no change", async () => {
  const waits = workflow("waits").task("ask", async ({ step }) => step.waitForEvent("ok", { timeout: "1d" }));
  const place = await openConsole([waits]);
  const { batchId } = await place.app.engine.start({ kind: "start", workflowId: "waits" });
  await expect
    .poll(async () => (await place.app.engine.admin.show(batchId)).tasks[0]?.status)
    .toBe("WAITING");
  const first = await place.get(`/b/${batchId}`);
  const tag = first.headers.get("etag") ?? "";
  expect(first.text).toContain(`data-tag="${tag.replaceAll('"', "&quot;")}"`);
  const again = await place.get(`/b/${batchId}`, { "if-none-match": tag });
  expect(again).toMatchObject({ status: 304, text: "" });
  const form = await place.form(`/b/${batchId}?t=ask`, "/do/event");
  expect((await place.post("/do/event", { ...form, payload: '{"by":"ada"}' })).status).toBe(303);
  await expect
    .poll(async () => (await place.get(`/b/${batchId}`, { "if-none-match": tag })).status)
    .toBe(200);
});
