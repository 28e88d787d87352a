import { daySeconds } from "../../core/time.ts";
import { gibibytesOf } from "../target/machine-limits.ts";
import type { DeploymentSettings } from "../target/settings.ts";

/** USD a month without instances that are kept: the first column of the table in docs/deploy.md; a test compares them. */
const idleDollars = 0.76;

/** USD of an instance that is kept and has nothing to do, billed by request, in the cheaper regions: https://cloud.google.com/run/pricing */
export const keptPrices = { perCpuSecond: 0.000_002_5, perGibibyteSecond: 0.000_002_5 } as const;

const monthSeconds = 30 * daySeconds;

type Machine = Pick<
  DeploymentSettings,
  "BATON_DEPLOY_CPU" | "BATON_DEPLOY_MEMORY" | "BATON_DEPLOY_MIN_INSTANCES"
>;

/** USD a month of all instances that are kept. */
export function keptDollars(settings: Machine): number {
  const { perCpuSecond, perGibibyteSecond } = keptPrices;
  const perSecond =
    Number(settings.BATON_DEPLOY_CPU) * perCpuSecond +
    gibibytesOf(settings.BATON_DEPLOY_MEMORY) * perGibibyteSecond;
  return settings.BATON_DEPLOY_MIN_INSTANCES * monthSeconds * perSecond;
}

/** What a deployment costs while nothing happens, in words. */
export function idleCostText(settings: Machine): string {
  const count = settings.BATON_DEPLOY_MIN_INSTANCES;
  if (count === 0)
    return `about ${dollars(idleDollars)} a month while idle at list prices, nearly nothing within the free tiers; docs/deploy.md has the arithmetic`;
  const kept = keptDollars(settings);
  const what = count === 1 ? "the instance that is kept" : `the ${count} instances that are kept`;
  return `about ${dollars(idleDollars + kept)} a month while idle at list prices, ${dollars(kept)} of them for ${what}; docs/deploy.md has the arithmetic`;
}

function dollars(amount: number): string {
  return `${amount.toFixed(2)} USD`;
}
