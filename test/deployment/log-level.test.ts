import { globSync } from "node:fs";
import { expect, test } from "vitest";
import { logLevelRules } from "../../src/deployment/target.ts";
import { pageOf, root } from "./documentation.ts";

const levels = ["debug", "info", "warn", "error", "silent"] as const;
const names: readonly string[] = levels;

const code = globSync(
  ["engine", "runtime", "entry", "app", "configuration", "telemetry"].map(
    (room) => `${root}src/${room}/**/*.ts`,
  ),
)
  .map((path) => pageOf(path.slice(root.length)))
  .join("\n");

/** The metrics that count lines of the function, and the levels of these lines. */
const metrics = [...pageOf("infra/metrics.tf").matchAll(/^ {4}(\w+) = \{\n.*\n\s+filter\s+= "(.+)"$/gm)].map(
  ([, name = "", filter = ""]) => ({
    name,
    levels: [...filter.matchAll(/\\"([^"\\]+)\\"/g)].map(([, message]) => {
      const [, level] = new RegExp(`logger\\.(\\w+)\\(\\s*"${message}"`).exec(code) ?? [];
      return names.indexOf(String(level));
    }),
  }),
);

const alerts = globSync(`${root}infra/alerts*.tf`)
  .map((path) => pageOf(path.slice(root.length)))
  .join("\n");
const isAlerted = (name: string) => alerts.includes(`local.promql.${name}}`);

const isRefused = (level: (typeof levels)[number] | undefined) => logLevelRules(level).problem !== undefined;
const isReported = (level: (typeof levels)[number] | undefined) => logLevelRules(level).warning !== undefined;

test("a level that hides a line which an alert counts is refused, and no other", () => {
  const counted = metrics.filter(({ name }) => isAlerted(name)).flatMap((metric) => metric.levels);
  expect(counted.length).toBeGreaterThan(2);
  expect(Math.min(...counted)).toBeGreaterThanOrEqual(0);
  const hiding = levels.filter((_, index) => counted.some((level) => level < index));
  expect(levels.filter(isRefused)).toEqual(hiding);
});

test("a level that hides a line which only the dashboard counts is reported", () => {
  const counted = metrics.flatMap((metric) => metric.levels);
  expect(metrics.length).toBeGreaterThan(4);
  const hiding = levels.filter((_, index) => counted.some((level) => level < index));
  expect(levels.filter((level) => isRefused(level) || isReported(level))).toEqual(hiding);
});

test("the function's own level hides nothing", () => {
  expect([isRefused(undefined), isReported(undefined)]).toEqual([false, false]);
});
