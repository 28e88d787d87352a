import { Credentials } from "../adapters/remote/google-credentials.ts";
import type { GoogleConfiguration } from "../composition/google-configuration.ts";
import { messageOf } from "../core/errors.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import type { Caller } from "./permission-check.ts";

export interface CheckedCredentials {
  readonly results: readonly CheckResult[];
  /** Google's clients can be used: without credentials they throw where nobody catches. */
  readonly areUsable: boolean;
  readonly caller: Caller;
}

/** Where nothing is Google's. */
export const nobody: CheckedCredentials = {
  results: [],
  areUsable: false,
  caller: { account: undefined, expected: undefined },
};

const id = "google.credentials";
const subject = "application default credentials";

/** Whether a token can be had, and whose it is. */
export async function checkCredentials(
  { serviceAccount: expected }: GoogleConfiguration,
  isLocal: boolean,
  run: (groups: readonly CheckGroup[]) => Promise<readonly CheckResult[]>,
): Promise<CheckedCredentials> {
  if (isLocal) {
    const none = unknown(id, subject, "Local servers take no credentials", "Nothing: they need none.");
    return { results: [none], areUsable: true, caller: { account: undefined, expected } };
  }
  let account: string | undefined;
  const results = await run([
    {
      id,
      subject,
      async run() {
        const found = await new Credentials().account().then(
          (whose) => {
            account = whose;
            return { isThere: true, text: whose ?? "of an account that they don't name" };
          },
          (error: unknown) => ({ isThere: false, text: messageOf(error) }),
        );
        return [judgeCredentials(found, expected)];
      },
    },
  ]);
  const areUsable = results.every(({ status }) => status === "ok");
  return { results, areUsable, caller: { account, expected } };
}

function judgeCredentials(
  found: { isThere: boolean; text: string },
  expected: string | undefined,
): CheckResult {
  return judge(id, {
    subject,
    holds: found.isThere,
    found: found.text,
    expected: `credentials of ${expected ?? "somebody who may look at the project"}`,
    remedy: "Log in, or set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials.",
    commands: ["gcloud auth application-default login"],
  });
}

/** What a group comes to when there are none. */
export function withoutCredentials(group: CheckGroup): CheckGroup {
  const why = unknown(group.id, group.subject, "There are no credentials", "Mend google.credentials first.");
  return { ...group, run: () => [why] };
}
