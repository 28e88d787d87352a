import { expect, test } from "vitest";
import { machineProblems, memoryByCpu } from "../../src/deployment/target/machine-limits.ts";
import { DeploymentSettingsSchema } from "../../src/deployment/target/settings.ts";
import { pageOf } from "./documentation.ts";

const written = (gibibytes: number) => (gibibytes < 1 ? `${gibibytes * 1_024}Mi` : `${gibibytes}Gi`);

test("the page has the limits that are checked", () => {
  const { 1: one, 2: two, 4: four, 8: eight } = memoryByCpu;
  expect(two.least).toBe(one.least);
  expect(pageOf("docs/deploy.md")).toContain(
    [
      `Cloud Run gives 1 CPU ${written(one.least)} to ${written(one.most)}, 2 up to ${written(two.most)}`,
      `4 from ${written(four.least)} to ${written(four.most)}, 8 from ${written(eight.least)} to ${written(eight.most)}`,
    ].join(", "),
  );
});

test.each(Object.entries(memoryByCpu))(
  "with %s CPU the limits themselves are right, and no step beyond",
  (cpu, limit) => {
    const problemsOf = (mebibytes: number) =>
      machineProblems(
        DeploymentSettingsSchema.parse({ BATON_DEPLOY_CPU: cpu, BATON_DEPLOY_MEMORY: `${mebibytes}Mi` }),
      ).length;
    const { least, most } = limit;
    expect([least, most].map((gibibytes) => problemsOf(gibibytes * 1_024))).toEqual([0, 0]);
    expect([problemsOf(least * 1_024 - 1), problemsOf(most * 1_024 + 1)]).toEqual([1, 1]);
  },
);
