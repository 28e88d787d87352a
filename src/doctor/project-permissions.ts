import type { PermissionSet } from "../composition/permissions.ts";
import type { AccountChecks } from "../ports/checks.ts";
import type { CheckGroup, CheckId } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";

interface Asked {
  readonly context: CloudContext;
  readonly accounts: AccountChecks;
  readonly set: PermissionSet;
}

/** Permissions that are asked for on the project; one that is granted under a condition counts as missing there. */
export function projectPermissionGroup(id: CheckId, { context, accounts, set }: Asked): CheckGroup {
  const { projectId } = context.google;
  return {
    id,
    subject: projectId,
    service: "cloudresourcemanager.googleapis.com",
    async run(signal) {
      const granted = await accounts.onProject(Object.keys(set.needs), signal);
      const grant = (member: string, role: string) =>
        gcloud("projects add-iam-policy-binding", [projectId], { member, role, condition: "None" });
      return [judgePermissions(id, { subject: projectId, set, granted, caller: context.caller, grant })];
    },
  };
}
