import { queuesNamedBy } from "../../core/definition.ts";
import { defaults } from "../../core/limits.ts";
import { secretsNamedBy, taskSecretPrefix } from "../../core/named-secrets.ts";
import { dataformType } from "../../tasks/dataform.ts";
import { dataformAccountsOf } from "../../tasks/dataform-accounts.ts";
import type { BuiltWorkflow } from "../../workflow/workflow.ts";

/**
 * What a deployment has to be told because of a workflow that is stored in its database, where deploying does not see it:
 * variables with their values, sorted as docs/deploy.md has them. Empty: nothing.
 */
export function appliedNeeds({
  definition,
  triggers,
}: Pick<BuiltWorkflow, "definition" | "triggers">): Readonly<Record<string, string>> {
  const queues = [...queuesNamedBy([{ definition }])].filter((queue) => queue !== defaults.queue).sort();
  const accounts = dataformAccountsOf([{ definition }]).named;
  const isTriggeredBy = (type: "fileDrop" | "schedule") => triggers.some((trigger) => trigger.type === type);
  return {
    ...(queues.length > 0 && { BATON_DEPLOY_QUEUES: queues.join(",") }),
    ...(isTriggeredBy("fileDrop") && { BATON_DEPLOY_FILE_TRIGGERS: "true" }),
    ...(isTriggeredBy("schedule") && { BATON_DEPLOY_SCHEDULES: "true" }),
    ...(definition.tasks.some(({ type }) => type === dataformType.type) && { BATON_DEPLOY_DATAFORM: "true" }),
    ...(accounts.length > 0 && { BATON_DATAFORM_ACCOUNTS: accounts.join(",") }),
    ...Object.fromEntries(
      secretsNamedBy([{ definition }]).map(({ name }) => [`${taskSecretPrefix}${name}`, "secret:<name>"]),
    ),
  };
}
