import { defineConfig } from "vitest/config";

/** Only ends a test that hangs. */
const hangsMs = 15 * 60_000;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: hangsMs,
    hookTimeout: hangsMs,
    expect: { poll: { timeout: hangsMs / 3 } },
    // The package is a link to this repository, which Vitest would transform.
    server: { deps: { external: [/\/dist\//] } },
  },
});
