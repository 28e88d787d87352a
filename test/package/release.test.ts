import { expect, test } from "vitest";

test("both packages have one version, and the changelog has its section", async () => {
  const { versionProblems } = await import(new URL("../../scripts/release.js", import.meta.url).href);
  expect(versionProblems()).toEqual([]);
});
