import { load } from "cheerio";
import { expect, test } from "vitest";
import { workflow } from "../../src/workflow/builder.ts";
import { runToEnd } from "../support/app.ts";
import { openConsole } from "./place.ts";

test("each view of a batch of 20,000 tasks has at most 300 KB and 2,000 elements", async () => {
  let flow = workflow("wide").task("first", async () => ({ rows: 1 }));
  const names = Array.from({ length: 19_998 }, (_, index) => `part-${String(index).padStart(5, "0")}`);
  for (const name of names)
    flow = flow.task(name, async () => ({ rows: 12, file: name }), { after: ["first"] });
  const place = await openConsole([flow.task("last", async () => 1, { after: names as never })]);
  const { batchId } = await runToEnd(place.app, "wide");
  for (const view of ["graph", "timeline", "table", "report"]) {
    const { text } = await place.get(`/b/${batchId}?v=${view}&t=part-00007`);
    expect(text, view).toContain("part-00007");
    expect(Buffer.byteLength(text), view).toBeLessThanOrEqual(300 * 1024);
    expect(load(text)("*").length, view).toBeLessThanOrEqual(2_000);
  }
});
