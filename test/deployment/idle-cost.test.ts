import { expect, test } from "vitest";
import { idleCostText, keptDollars, keptPrice } from "../../src/deployment/resources.ts";
import { DeploymentSettingsSchema } from "../../src/deployment/settings.ts";
import { pageOf } from "./documentation.ts";

const page = pageOf("docs/deploy.md");
const settings = DeploymentSettingsSchema.parse({ BATON_DEPLOY_MIN_INSTANCES: "1" });

test("what an instance that is kept costs is what the page computes, with the same prices and the same sum", () => {
  const [, seconds, cpus, gibibytes, price, sum] =
    /([\d,]+) s × \((\d) vCPU \+ (\d) GiB\) × ([\d.]+) = \*?([\d.]+)/.exec(page) ?? [];
  expect(Number(cpus)).toBe(Number(settings.BATON_DEPLOY_CPU));
  expect(Number(gibibytes)).toBe(Number.parseInt(settings.BATON_DEPLOY_MEMORY, 10));
  expect(Number(price)).toBe(keptPrice);
  const computed = Number(seconds?.replaceAll(",", "")) * (Number(cpus) + Number(gibibytes)) * Number(price);
  expect(keptDollars(settings)).toBeCloseTo(computed, 6);
  expect(keptDollars(settings).toFixed(2)).toBe(sum);
});

test("what is printed is the page's sum, and what is kept", () => {
  const idle = Number(/^\| \*\*sum\*\* \| \| \*\*([\d.]+)\*\*/m.exec(page)?.[1]);
  const kept = keptDollars(settings);
  expect(idleCostText(settings)).toContain(
    `about ${(idle + kept).toFixed(2)} USD a month while idle at list prices, ${kept.toFixed(2)} USD of them`,
  );
  expect(idleCostText(DeploymentSettingsSchema.parse({}))).toContain(`about ${idle.toFixed(2)} USD a month`);
});
