import type { VariableProblem } from "../../composition/variable-problems.ts";
import type { DeploymentSettings } from "./settings.ts";

/**
 * GiB of memory that an instance may have, by its CPUs: https://cloud.google.com/run/docs/configuring/services/cpu and
 * https://cloud.google.com/run/docs/configuring/services/memory-limits. The least is that of the second generation.
 */
export const memoryByCpu: Readonly<
  Record<DeploymentSettings["BATON_DEPLOY_CPU"], { readonly least: number; readonly most: number }>
> = {
  1: { least: 0.5, most: 4 },
  2: { least: 0.5, most: 8 },
  4: { least: 2, most: 16 },
  8: { least: 4, most: 32 },
};

/** GiB of what is written like 512Mi or 1Gi. */
export function gibibytesOf(memory: string): number {
  const amount = Number.parseInt(memory, 10);
  return memory.endsWith("Mi") ? amount / 1_024 : amount;
}

/** What Cloud Run would refuse. */
export function machineProblems({
  BATON_DEPLOY_CPU: cpu,
  BATON_DEPLOY_MEMORY: memory,
  BATON_DEPLOY_MIN_INSTANCES: minimum,
  BATON_DEPLOY_MAX_INSTANCES: maximum,
}: DeploymentSettings): VariableProblem[] {
  const { least, most } = memoryByCpu[cpu];
  const gibibytes = gibibytesOf(memory);
  return [
    ...(gibibytes >= least && gibibytes <= most
      ? []
      : [
          {
            variable: "BATON_DEPLOY_MEMORY",
            message: `With ${cpu} CPU an instance has ${written(least)} to ${written(most)} of memory, not ${memory}; BATON_DEPLOY_CPU says how many`,
          },
        ]),
    ...(minimum <= maximum
      ? []
      : [
          {
            variable: "BATON_DEPLOY_MIN_INSTANCES",
            message: `${minimum} instances can't be kept where there are at most ${maximum} (BATON_DEPLOY_MAX_INSTANCES)`,
          },
        ]),
  ];
}

function written(gibibytes: number): string {
  return gibibytes < 1 ? `${gibibytes * 1_024}Mi` : `${gibibytes}Gi`;
}
