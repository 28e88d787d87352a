import { databaseCondition, permissions } from "../composition/permissions.ts";
import type { AccountChecks, DatabaseChecks } from "../ports/checks.ts";
import type { CheckGroup } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";

/** What may be done with documents. The project tells only what it grants for all databases, so that the database is asked as well. */
export function documentPermissionGroup(
  { google, caller }: CloudContext,
  checks: DatabaseChecks,
  accounts: AccountChecks,
): CheckGroup {
  const { projectId, databaseId, prefix } = google;
  const set = permissions.firestore;
  const asked = Object.keys(set.needs);
  const { expression, title } = databaseCondition({ projectId, databaseId, prefix });
  const condition = `expression=${expression},title=${title}`;
  const grant = (member: string, role: string) =>
    gcloud("projects add-iam-policy-binding", [projectId], { member, role, condition });
  return {
    id: "firestore.permissions",
    subject: databaseId,
    service: "cloudresourcemanager.googleapis.com",
    async run(signal) {
      const onProject = await accounts.onProject(asked, signal);
      const isForThisOne = onProject.length < asked.length && (await checks.mayUseDocuments());
      const granted = isForThisOne ? asked : onProject;
      return [
        judgePermissions("firestore.permissions", { subject: databaseId, set, granted, caller, grant }),
      ];
    },
  };
}
