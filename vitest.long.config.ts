import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** The test command tries some of their cases each day; here all are tried. */
const someCases = globSync("test/**/*.test.ts").filter((file) =>
  readFileSync(file, "utf8").includes("/cases-of-today.ts"),
);

export default defineConfig({
  ...shared,
  test: {
    ...shared.test,
    include: ["test/**/*.long.test.ts", ...someCases],
    pool: "forks",
    env: { BATON_TEST_CASES: "all" },
  },
});
