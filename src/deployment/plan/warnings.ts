import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { Deployment } from "./plan.ts";
import { sampleWorkflowIds } from "./samples.ts";

/** What works, but is perhaps not what was meant. */
export function planWarnings(deployment: Deployment, workflows: readonly DeployedWorkflow[]): string[] {
  return [
    ...sampleWarnings(deployment),
    ...unnamedQueueWarnings(deployment, workflows),
    ...(deployment.settings.BATON_DEPLOY_ALERT_EMAILS.length > 0
      ? []
      : [
          "BATON_DEPLOY_ALERT_EMAILS is not set: nobody is told of alerts, they are seen in the console only",
        ]),
  ];
}

/** The one that the smoke test of `cloudbuild.yaml` starts: it keeps nothing. */
const smokeWorkflow = "greet";

function sampleWarnings({ workflowIds }: Deployment): string[] {
  const samples = workflowIds.filter((id) => sampleWorkflowIds.includes(id) && id !== smokeWorkflow);
  if (samples.length === 0) return [];
  return [
    `${samples.join(", ")}: samples of Baton, which are deployed like all in functions/workflows. Some call made-up addresses, and some keep data on the disk of an instance, which is lost with it. To leave them out, delete their files and build again; ${smokeWorkflow} can stay for the smoke test`,
  ];
}

/** Such a limit is kept, but no task is bound by it: nearly always a name is written wrong. */
function unnamedQueueWarnings({ queueLimits, settings }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const named = new Set([
    ...workflows.flatMap(({ definition }) => definition.tasks.map(({ queue }) => queue)),
    ...settings.BATON_DEPLOY_QUEUES,
  ]);
  return queueLimits
    .filter(({ queue }) => !named.has(queue))
    .map(
      ({ queue }) =>
        `No workflow of the folder has a task in the queue ${queue}, which BATON_QUEUES limits. If applied workflows have, name it in BATON_DEPLOY_QUEUES as well`,
    );
}
