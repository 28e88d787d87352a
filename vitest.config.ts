import { globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** The only time limit: when a test that hangs is ended. No test says how long anything may take. */
const hangsMs = 15 * 60_000;

/** Tests that call functions: a file leaves nothing behind, so files share a thread and load the sources once. */
const functions = ["core", "workflow", "entry", "infra", "composition", "deployment"];
/** Tests of one part on real files, sockets and clients: files share a process. */
const parts = ["engine", "adapters", "contract", "servers", "tasks", "samples", "cli", "simulation"];
/** Tests that change what a whole process shares, such as its loader or its global tracer. */
const global = ["test/adapters/opentelemetry*.test.ts", "test/engine/attempt-limits.test.ts"];
/** Tests of whole programs in processes of their own. */
const programs = [
  "test/{cloud,process,trial}/**/*.test.ts",
  "test/cli/binary/**/*.test.ts",
  "test/readme.test.ts",
];

/** Not part of the test command: `npm run test:long` runs these. */
const long = "test/**/*.long.test.ts";
/** Tests that try some of their cases each day; `npm run test:long` tries all of them. */
const someCases = globSync("test/**/*.test.ts").filter((file) =>
  readFileSync(file, "utf8").includes("/cases-of-today.ts"),
);
const inFolders = (folders: readonly string[]) => `test/{${folders.join(",")}}/**/*.test.ts`;

export default defineConfig({
  resolve: {
    alias: { baton: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
  },
  test: {
    globalSetup: ["test/support/build.ts"],
    testTimeout: hangsMs,
    hookTimeout: hangsMs,
    // Shorter, so that a failure says what the test waited for.
    expect: { poll: { timeout: hangsMs / 3 } },
    // More than processors: many tests wait for a timer or for another process.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        test: {
          name: "functions",
          include: [inFolders(functions), "test/*.test.ts"],
          exclude: [long, ...programs],
          pool: "threads",
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "parts",
          include: [inFolders(parts)],
          exclude: [long, ...global, ...programs],
          pool: "forks",
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: "programs", include: [...global, ...programs], exclude: [long], pool: "forks" },
      },
      {
        extends: true,
        test: {
          name: "long",
          include: [long, ...someCases],
          pool: "forks",
          env: { BATON_TEST_CASES: "all" },
        },
      },
    ],
  },
});
