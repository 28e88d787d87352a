import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Evaluation } from "./evaluate.ts";
import { expression, readTerraform } from "./terraform-files.ts";

const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
const files = await readTerraform();
const evaluation = new Evaluation(files, {
  project: "some-project",
  region: "europe-west1",
  tracing: true,
  dataform: true,
});

interface Grant {
  readonly account: string;
  readonly role: string;
  readonly isOnProject: boolean;
  /** For a part of the project only. */
  readonly isBounded: boolean;
}

const accounts = ["function", "push", "deployer", "build"];
const grants = files.resources
  .filter(({ type }) => type.endsWith("_iam_member"))
  .flatMap(({ type, block }) => {
    const account = accounts.find(
      (name) => block.member === expression(`google_service_account.${name}.member`),
    );
    const roles = block.role === expression("each.key") ? evaluation.value(block.for_each) : [block.role];
    if (!account || !Array.isArray(roles)) return [];
    const isOnProject = type === "google_project_iam_member";
    return roles.map(
      (role): Grant => ({ account, role: String(role), isOnProject, isBounded: "condition" in block }),
    );
  });

/** The cells of the table that begins after these words, a row each. */
function rowsAfter(words: string): readonly (readonly string[])[] {
  const [, rest = ""] = page.split(words);
  const table = rest.match(/(?:^\|.*\n)+/m)?.[0] ?? "";
  const rows = table.trim().split("\n").slice(2);
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const rolesOf = (cell = "") => [...cell.matchAll(/`(roles\/[\w.]+)`/g)].map(([, role = ""]) => role);

test("the page says of each role of the function whether it is on the project, as it is granted", () => {
  const rows = rowsAfter("**The function** itself");
  expect(rows.length).toBeGreaterThan(7);
  for (const [roles, place = ""] of rows)
    for (const role of rolesOf(roles)) {
      const granted = grants.filter((grant) => grant.account === "function" && grant.role === role);
      expect([role, granted.some(({ isOnProject }) => isOnProject)]).toEqual([
        role,
        place.startsWith("the project"),
      ]);
      expect([role, granted.some(({ isBounded }) => isBounded)]).toEqual([role, place.includes("condition")]);
    }
});

test("the page lists every grant that reaches other environments of the project, and no other", () => {
  const listed = rowsAfter("are not kept apart altogether").flatMap(([account = "", roles]) =>
    rolesOf(roles).map((role) => `${account.replaceAll(/`|<prefix>-/g, "")} ${role}`),
  );
  const wide = grants.filter(({ isOnProject, isBounded }) => isOnProject && !isBounded);
  expect(wide.length).toBeGreaterThan(5);
  expect(listed.sort()).toEqual(wide.map(({ account, role }) => `${account} ${role}`).sort());
});
