import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { toIndexFile } from "../../src/adapters/firestore/encoding.ts";

test("the deployment's file declares exactly the indexes of the engine", () => {
  const deployed = readFileSync(new URL("../../infra/firestore.indexes.json", import.meta.url), "utf8");
  expect(JSON.parse(deployed)).toEqual(toIndexFile());
});
