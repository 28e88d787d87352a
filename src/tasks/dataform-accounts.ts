import type { Definition } from "../core/definition.ts";
import { dataformType } from "./dataform.ts";

/** Whom the actions of Dataform run as, as far as workflows tell. */
export interface DataformAccounts {
  /** E-mail addresses, each once. */
  readonly named: readonly string[];
  /**
   * Tasks, as `workflow/task`, whose account only their repository, their workflow configuration or their batch
   * knows.
   */
  readonly unnamed: readonly string[];
}

/** Dataform runs nothing for a caller that may not act as these accounts. */
export function dataformAccountsOf(
  workflows: readonly { readonly definition: Pick<Definition, "workflowId" | "tasks"> }[],
): DataformAccounts {
  const named = new Set<string>();
  const unnamed: string[] = [];
  for (const { definition } of workflows)
    for (const { id, type, with: parameters } of definition.tasks) {
      if (type !== dataformType.type) continue;
      const account = accountIn(parameters);
      if (account === undefined) unnamed.push(`${definition.workflowId}/${id}`);
      else named.add(account);
    }
  return { named: [...named].sort(), unnamed: unnamed.sort() };
}

/** One that a batch fills in is not known here. */
function accountIn(parameters: unknown): string | undefined {
  const account = dataformType.parameters.safeParse(parameters).data?.serviceAccount;
  return account?.includes("{{") ? undefined : account;
}

/** The full name of an account, which tells its project: `name@project.iam.gserviceaccount.com`. */
export function accountResource(account: string, otherwise: string): string {
  const place = /@(.+)\.iam\.gserviceaccount\.com$/.exec(account)?.[1]?.split(".");
  const [id, ...domain] = place ?? [otherwise];
  const project = domain.length > 0 ? `${domain.join(".")}:${id}` : id;
  return `projects/${project}/serviceAccounts/${account}`;
}
