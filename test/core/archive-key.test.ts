import { expect, test } from "vitest";
import { archiveColumns, archiveKeyProblem, isArchiveColumn } from "../../src/core/callback.ts";

test("a key of names that are no columns yet is taken", () => {
  expect(archiveKeyProblem(["job_id", "account_id", "statuses"])).toBeUndefined();
});

test("a key without fields is refused", () => {
  expect(archiveKeyProblem([])).toBe("A callback is archived by a key of one field or more");
});

test.each([
  [["job_id", ""], ""],
  [["Status", "job_id"], "Status"],
  [["job_id", "URL", "event_id"], "URL, event_id"],
  [["job_id", "lead", "JOB_ID", "Lead"], "JOB_ID, Lead"],
])("of the key %j these fields can't be columns: %s", (key, wrong) => {
  expect(archiveKeyProblem(key)).toBe(`Fields of a callback's key can't be columns: ${wrong}`);
});

test("a column of the archive is known in any letter case", () => {
  expect(archiveColumns.map((name) => name.toUpperCase()).every(isArchiveColumn)).toBe(true);
  expect(isArchiveColumn("job_id")).toBe(false);
});
