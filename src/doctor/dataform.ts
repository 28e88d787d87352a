import { permissions } from "../composition/permissions.ts";
import type { AccountChecks } from "../ports/checks.ts";
import type { DataformAccounts } from "../tasks/dataform-accounts.ts";
import { actAsGroup } from "./act-as.ts";
import { type CheckGroup, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";

/**
 * Whether Baton may act as the accounts that Dataform's actions run as: Dataform refuses every invocation of a caller
 * that may not. Those of repositories and workflow configurations are known only when BATON_DATAFORM_ACCOUNTS names
 * them.
 */
export function dataformGroups(
  context: CloudContext,
  { named, unnamed }: DataformAccounts,
  accounts: AccountChecks,
): CheckGroup[] {
  const told = context.configuration.dataform.accounts;
  const groups = [...new Set([...named, ...told])].map((account) =>
    actAsGroup("dataform.account", {
      context,
      accounts,
      account,
      variable: told.includes(account) ? "BATON_DATAFORM_ACCOUNTS" : "the dataform task",
      set: permissions.dataformAccount,
    }),
  );
  return unnamed.length > 0 && told.length === 0 ? [...groups, unknownAccounts(unnamed)] : groups;
}

function unknownAccounts(tasks: readonly string[]): CheckGroup {
  const subject = tasks.join(", ");
  return {
    id: "dataform.account",
    subject,
    async run() {
      return [
        judge("dataform.account", {
          subject,
          holds: false,
          found: "no account is named",
          expected: "an account that the actions run as, which Baton may act as",
          otherwise: "warning",
          remedy:
            "Give the tasks serviceAccount, or name the accounts of their repositories in BATON_DATAFORM_ACCOUNTS, and deploy: Dataform runs nothing for a caller that may not act as them.",
        }),
      ];
    },
  };
}
