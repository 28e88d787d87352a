import type { PermissionSet } from "../composition/permissions.ts";
import type { AccountChecks } from "../ports/checks.ts";
import { type CheckGroup, type CheckId, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";

interface ActAs {
  readonly context: CloudContext;
  readonly accounts: AccountChecks;
  readonly account: string;
  /** What names the account. */
  readonly variable: string;
  readonly set: PermissionSet;
}

/** Whether an account is there, and may be named by tasks that are to act as it. */
export function actAsGroup(id: CheckId, { context, accounts, account, variable, set }: ActAs): CheckGroup {
  const { projectId: project } = context.google;
  return {
    id,
    subject: account,
    service: "iam.googleapis.com",
    async run(signal) {
      const granted = await accounts.onServiceAccount(account, Object.keys(set.needs), signal);
      if (!granted) return [missingAccount(id, account, { variable, project })];
      const grant = (member: string, role: string) =>
        gcloud("iam service-accounts add-iam-policy-binding", [account], { member, role, project });
      return [judgePermissions(id, { subject: account, set, granted, caller: context.caller, grant })];
    },
  };
}

interface Named {
  readonly variable: string;
  readonly project: string;
}

function missingAccount(id: CheckId, account: string, { variable, project }: Named): CheckResult {
  return judge(id, {
    subject: account,
    holds: false,
    found: "there is no such account",
    expected: `the account of ${variable}`,
    remedy: `Create it, or correct ${variable}.`,
    commands: [gcloud("iam service-accounts create", [account.split("@")[0] ?? ""], { project })],
  });
}
