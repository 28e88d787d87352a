import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { limitsPage } from "../scripts/limits-page.ts";

test("the page of limits says what the sources say: `npm run limits` writes it", async () => {
  const page = readFileSync(new URL("../docs/limits.md", import.meta.url), "utf8");
  expect(page).toBe(await limitsPage());
});
