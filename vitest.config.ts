import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The only time limit: when a test that hangs is ended. No test says how long anything may take. */
const hangsMs = 15 * 60_000;

/** Tests that call functions: they leave nothing behind, so files share a thread and load the sources once. */
const functions = [
  "test/{core,workflow,entry,infra,app,configuration,deployment}/**/*.test.ts",
  "test/*.test.ts",
];
/** Tests of whole programs: each file has a process of its own. */
const programs = ["test/{process,trial}/**/*.test.ts", "test/cli/binary/**/*.test.ts"];
/** Tests that change what a process shares, such as its loader, its tracer or its timers, or that leave requests behind. */
const alone = [
  "test/adapters/opentelemetry*.test.ts",
  "test/engine/attempt-limits.test.ts",
  "test/contract/firestore-store.test.ts",
];
/** Not part of the test command: see vitest.long.config.ts. */
const long = "**/*.long.test.ts";

/** What both tiers share. */
export const shared = defineConfig({
  resolve: {
    alias: [
      { find: /^baton-dag$/, replacement: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
      {
        find: /^baton-dag\/testing$/,
        replacement: fileURLToPath(new URL("./src/testing/index.ts", import.meta.url)),
      },
    ],
  },
  test: {
    globalSetup: ["test/support/build.ts"],
    testTimeout: hangsMs,
    hookTimeout: hangsMs,
    // Shorter, so that a failure says what the test waited for.
    expect: { poll: { timeout: hangsMs / 3 } },
    // More than processors: many tests wait for a timer or for another process.
    maxWorkers: availableParallelism() + 2,
  },
});

/** The project in samples/, whose tests use the build as those of any project do. A clone may be without it. */
export function samples(test: { readonly include?: string[]; readonly exclude?: string[] }) {
  const extended = "./samples/vitest.config.ts";
  return existsSync(fileURLToPath(new URL(extended, import.meta.url)))
    ? [{ extends: extended, root: "./samples", test: { name: "samples", ...test } }]
    : [];
}

export default defineConfig({
  ...shared,
  test: {
    ...shared.test,
    projects: [
      {
        extends: true,
        test: {
          name: "functions",
          include: functions,
          exclude: [long, ...programs],
          pool: "threads",
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "parts",
          include: ["test/**/*.test.ts"],
          exclude: [long, ...functions, ...programs, ...alone],
          pool: "forks",
          isolate: false,
        },
      },
      ...samples({ exclude: [long] }),
      {
        extends: true,
        test: { name: "programs", include: [...programs, ...alone], exclude: [long], pool: "forks" },
      },
    ],
  },
});
