import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/**
 * When a test that hangs is given up: the only limit of time that tests have. A slow machine is no defect, so no test
 * says how long anything may take; each waits for what it is about.
 */
const hangsMs = 15 * 60_000;

export default defineConfig({
  resolve: {
    alias: { baton: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/build.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: hangsMs,
    hookTimeout: hangsMs,
    // Less, so that what was waited for is told.
    expect: { poll: { timeout: hangsMs / 3 } },
  },
});
