import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { samples, shared } from "./vitest.config.ts";

/** The test command tries some of their cases each day; here all are tried. */
const someCases = globSync("test/**/*.test.ts").filter((file) =>
  /\/cases-of-today\.ts|\/warehouse-contract-rules\.ts/.test(readFileSync(file, "utf8")),
);

/** One test can be all mutants, which take hours on a slow machine. */
const hangsMs = 6 * 3_600_000;

export default defineConfig({
  ...shared,
  test: {
    ...shared.test,
    projects: [
      {
        extends: true,
        test: {
          name: "long",
          include: ["test/**/*.long.test.ts", ...someCases],
          pool: "forks",
          testTimeout: hangsMs,
          env: { BATON_TEST_CASES: "all" },
        },
      },
      ...samples({ include: ["test/**/*.long.test.ts"] }),
    ],
  },
});
