import { expect, test } from "vitest";
import { nearestName } from "../../src/core/values/text.ts";

const known = ["greet", "sales-refresh", "documents", "BATON_BUCKET", "BATON_DATASET"];

test.each([
  ["gret", "greet"],
  ["greeet", "greet"],
  ["Sales-Refresh", "sales-refresh"],
  ["sales-refersh", "sales-refresh"],
  ["document", "documents"],
  ["BATON_BUKCET", "BATON_BUCKET"],
  ["BATON_DATA_SET", "BATON_DATASET"],
])("%s was meant to be %s", (written, meant) => {
  expect(nearestName(written, known)).toBe(meant);
});

test.each(["mine", "invoices", "", "g", "BATON_SOMETHING_ELSE"])("nothing is near %s", (written) => {
  expect(nearestName(written, known)).toBeUndefined();
});

test("of several that are near, it is the nearest, and of equals the first", () => {
  expect(nearestName("reports", ["report", "reports-2", "reports"])).toBe("reports");
  expect(nearestName("report-3", ["report-1", "report-2"])).toBe("report-1");
});
