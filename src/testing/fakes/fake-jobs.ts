import type { Dataform, Invocation, InvocationConfig, PowerBi, Refresh } from "../../ports/services.ts";

const noConfig: InvocationConfig = {
  includedTags: [],
  includedTargets: [],
  transitiveDependenciesIncluded: false,
  transitiveDependentsIncluded: false,
  fullyRefreshIncrementalTables: false,
  serviceAccount: undefined,
  queryPriority: undefined,
};

/** Dataform whose compilations and invocations succeed at once. `given` replaces single methods. */
export function dataformOf(given: Partial<Dataform> = {}, now: () => number): Dataform {
  const invocations = new Map<string, Invocation>();
  return {
    compile: async ({ repository }) => ({
      name: `${repository}/compilationResults/${invocations.size + 1}`,
      errors: [],
    }),
    invoke: async ({ source }) => {
      const compilation =
        "compilationResult" in source ? source.compilationResult : `of ${source.workflowConfig}`;
      const repository = (("workflowConfig" in source ? source.workflowConfig : compilation) ?? "").replace(
        /\/(?:compilationResults|workflowConfigs)\/.*$/,
        "",
      );
      const invocation: Invocation = {
        name: `${repository}/workflowInvocations/${invocations.size + 1}`,
        compilationResult: compilation,
        workflowConfig: "workflowConfig" in source ? source.workflowConfig : undefined,
        state: "SUCCEEDED",
        startedAt: now(),
        config: "config" in source ? source.config : noConfig,
        hasOtherSettings: false,
      };
      invocations.set(invocation.name, invocation);
      return invocation;
    },
    invocation: async (name) => {
      const found = invocations.get(name);
      if (!found) throw new Error(`There is no invocation ${name} in the test`);
      return found;
    },
    invocations: async () => [...invocations.values()],
    actions: async () => [],
    cancel: async () => undefined,
    ...given,
  };
}

/** Power BI whose refreshes complete at once. `given` replaces single methods. */
export function powerBiOf(given: Partial<PowerBi> = {}, now: () => number): PowerBi {
  const refreshes: Refresh[] = [];
  return {
    refreshes: async () => refreshes,
    start: async () => {
      const id = `refresh-${refreshes.length + 1}`;
      const time = new Date(now()).toISOString();
      refreshes.unshift({
        id,
        state: "completed",
        enhanced: true,
        startTime: time,
        endTime: time,
        failure: undefined,
      });
      return { kind: "started", id };
    },
    cancel: async () => undefined,
    ...given,
  };
}
