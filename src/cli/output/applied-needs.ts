import type { BuiltWorkflow } from "../../workflow/workflow.ts";

/** Variables of a deployment by name: what it must have for a workflow that is stored. */
export type AppliedNeeds = Readonly<Record<string, string>>;

/** `baton deploy` does not see stored workflows. It has to be told what they need. */
export async function needsOf(workflow: BuiltWorkflow): Promise<AppliedNeeds> {
  const { appliedNeeds } = await import("../../deployment/plan.ts");
  return appliedNeeds(workflow);
}

/**
 * The needs with a sentence before them, and one after them where there is more to do. No lines when there are none.
 */
export function needLines(needs: AppliedNeeds, before: string, after?: string): string[] {
  const variables = Object.entries(needs).map(([name, value]) => `${name}=${value}`);
  if (variables.length === 0) return [];
  return [before, `  ${variables.join(" ")}`, ...(after === undefined ? [] : [after])];
}
