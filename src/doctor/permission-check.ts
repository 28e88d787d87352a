import type { PermissionSet } from "../composition/permissions.ts";
import { type CheckId, type CheckResult, judge } from "./check.ts";

export interface Caller {
  /** Whose permissions are asked for; undefined: nobody says. */
  readonly account: string | undefined;
  /** Whom the function runs as, as far as the configuration tells. */
  readonly expected: string | undefined;
}

interface Asked {
  readonly subject: string;
  readonly set: PermissionSet;
  /** Those of the set that the caller has. */
  readonly granted: readonly string[];
  readonly caller: Caller;
  /** The command that grants a role to a member. */
  readonly grant: (member: string, role: string) => string;
}

/** Services tell only what their caller may do: what somebody else lacks need not be amiss. */
export function judgePermissions(id: CheckId, { subject, set, granted, caller, grant }: Asked): CheckResult {
  const { account, expected } = caller;
  const missing = Object.entries(set.needs).filter(([permission]) => !granted.includes(permission));
  const isOther = account !== undefined && expected !== undefined && account !== expected;
  const who = account ?? "the caller";
  const member = `serviceAccount:${expected ?? "<account of the function>"}`;
  return judge(id, {
    subject,
    holds: missing.length === 0,
    found:
      missing.length === 0
        ? `${who} has them all`
        : `${who} lacks ${missing.map(([permission, why]) => `${permission} (${why})`).join(", ")}`,
    expected: Object.keys(set.needs).join(", "),
    otherwise: isOther ? "warning" : "failed",
    remedy: `${isOther ? otherRemedy : ""}Grant ${set.roles.join(" and ")} on the ${set.on}.`,
    commands: set.roles.map((role) => grant(member, role)),
  });
}

const otherRemedy =
  "Run this as the function's account, by `gcloud auth application-default login --impersonate-service-account`. ";
