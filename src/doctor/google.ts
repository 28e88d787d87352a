import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import type { PermissionSet } from "../configuration/google-requirements.ts";
import { quoteForShell } from "../core/values/text.ts";
import { GoogleApiError, type GoogleRest } from "../ports/http.ts";
import { type CheckGroup, type CheckId, type CheckResult, judge } from "./check.ts";

/** The services that the doctor asks, each by its REST interface. */
export interface GoogleServices {
  readonly firestore: GoogleRest;
  readonly pubSub: GoogleRest;
  readonly cloudTasks: GoogleRest;
  readonly storage: GoogleRest;
  readonly bigQuery: GoogleRest;
  readonly scheduler: GoogleRest;
  readonly resourceManager: GoogleRest;
  readonly iam: GoogleRest;
}

export interface Caller {
  /** The account of the credentials; undefined: they do not say. */
  readonly account: string | undefined;
  /** The account of the function, as far as the configuration says. */
  readonly expected: string | undefined;
}

/** What the checks of Google's services have in common. */
export interface CloudContext {
  readonly configuration: Configuration;
  readonly google: GoogleConfiguration;
  readonly caller: Caller;
  readonly services: GoogleServices;
}

/** What a call answers; undefined when the service has nothing of that name. */
export async function undefinedIfMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof GoogleApiError && error.code === 404) return undefined;
    throw error;
  });
}

export function databasePath({ google }: CloudContext): string {
  return `/v1/projects/${google.projectId}/databases/${google.databaseId}`;
}

/** All pages of a list. `path` has a query already. */
export async function readPages<Page extends { readonly nextPageToken?: string | undefined }>(
  rest: GoogleRest,
  path: string,
  answer: z.ZodType<Page>,
  signal: AbortSignal,
): Promise<readonly Page[]> {
  const pages: Page[] = [];
  for (let token: string | undefined = ""; token !== undefined; ) {
    const call = {
      method: "GET",
      path: `${path}&pageToken=${encodeURIComponent(token)}`,
      answer,
      signal,
    } as const;
    const page: Page = await rest.call(call);
    pages.push(page);
    token = page.nextPageToken || undefined;
  }
  return pages;
}

/** The last part of a full name, such as the id of a topic. */
export function idOf(name: string): string {
  return name.split("/").at(-1) ?? "";
}

/** `600s`, as Google's REST interfaces write durations. */
export const DurationSchema = z.string().transform((text) => Number.parseFloat(text));

type Flags = Readonly<Record<string, string | number | true | undefined>>;

/** A gcloud command line, quoted for a shell. */
export function gcloud(command: string, parameters: readonly string[], flags: Flags): string {
  return ["gcloud", command, ...parameters.map(quoteForShell), ...gcloudFlags(flags)].join(" ");
}

function gcloudFlags(flags: Flags): readonly string[] {
  return Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${quoteForShell(String(value))}`));
}

/**
 * Makes all of the infrastructure that is missing. What is made by hand is not in Terraform's state, and would fail the next
 * deployment.
 */
export function deployCommand({ projectId, location, prefix }: GoogleConfiguration): string {
  const flags = gcloudFlags({ project: projectId, region: location || "<region>", prefix });
  return ["npx baton deploy --skip-function", ...flags].join(" ");
}

interface ResourceCheck<Found> {
  readonly id: CheckId;
  readonly subject: string;
  readonly service: string;
  readonly rest: GoogleRest;
  readonly path: string;
  readonly answer: z.ZodType<Found>;
  /** What it is called: "topic". */
  readonly kind: string;
  readonly describe?: (found: Found) => string;
  readonly expected?: string;
  readonly remedy: string;
  readonly create: string;
  readonly otherwise?: "warning";
  /** Further checks of one that exists. */
  readonly checkSettings?: (found: Found) => readonly CheckResult[];
}

/** Whether a resource exists, and whether its settings are right. */
export function resourceGroup<Found>(context: CloudContext, check: ResourceCheck<Found>): CheckGroup {
  const { id, subject, service, rest, path, answer, kind } = check;
  return {
    id,
    subject,
    service,
    async run(signal) {
      const found = await undefinedIfMissing(rest.call({ method: "GET", path, answer, signal }));
      const exists = judge(id, {
        subject,
        holds: found !== undefined,
        found: found === undefined ? `there is no such ${kind}` : (check.describe?.(found) ?? "it is there"),
        expected: check.expected ?? `a ${kind}`,
        otherwise: check.otherwise ?? "failed",
        remedy: check.remedy,
        deployCommand: deployCommand(context.google),
        commands: [check.create],
      });
      return found === undefined ? [exists] : [exists, ...(check.checkSettings?.(found) ?? [])];
    },
  };
}

const PermissionsSchema = sparseObject({ permissions: z.array(z.string()).default([]) });

/** Which of some permissions the caller has on a resource. */
export async function grantedPermissions(
  rest: GoogleRest,
  path: string,
  { needs }: PermissionSet,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const call = { method: "POST", path: `${path}:testIamPermissions`, answer: PermissionsSchema } as const;
  return (await rest.call({ ...call, body: { permissions: Object.keys(needs) }, signal })).permissions;
}

interface PermissionCheck {
  readonly subject: string;
  readonly service: string;
  readonly set: PermissionSet;
  /** Those of the set that the caller has; undefined: what they are asked for on does not exist. */
  readonly granted: (signal: AbortSignal) => Promise<readonly string[] | undefined>;
  /** The command that grants a role to a member. */
  readonly grant: (member: string, role: string) => string;
  /** Default: nothing is said of what does not exist, since another check reports it. */
  readonly missing?: CheckResult;
}

/** Whether the caller has the permissions of a set. */
export function permissionGroup({ caller }: CloudContext, id: CheckId, check: PermissionCheck): CheckGroup {
  const { subject, service, set, grant, missing } = check;
  return {
    id,
    subject,
    service,
    async run(signal) {
      const granted = await check.granted(signal);
      if (granted !== undefined) return [judgePermissions(id, { subject, set, granted, caller, grant })];
      return missing ? [missing] : [];
    },
  };
}

/** Permissions on the project. One that is granted under a condition counts as missing. */
export function projectPermissionGroup(context: CloudContext, id: CheckId, set: PermissionSet): CheckGroup {
  const { projectId } = context.google;
  return permissionGroup(context, id, {
    subject: projectId,
    service: "cloudresourcemanager.googleapis.com",
    set,
    granted: (signal) => grantedOnProject(context, set, signal),
    grant: (member, role) =>
      gcloud("projects add-iam-policy-binding", [projectId], { member, role, condition: "None" }),
  });
}

export function grantedOnProject(
  { services, google }: CloudContext,
  set: PermissionSet,
  signal: AbortSignal,
) {
  return grantedPermissions(services.resourceManager, `/v1/projects/${google.projectId}`, set, signal);
}

/** Whether a service account exists, and whether tasks may name it to act as it. `variable`: where it is named. */
export function actAsGroup(
  context: CloudContext,
  id: CheckId,
  {
    account,
    variable,
    set,
  }: { readonly account: string; readonly variable: string; readonly set: PermissionSet },
): CheckGroup {
  const { projectId: project } = context.google;
  const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}`;
  return permissionGroup(context, id, {
    subject: account,
    service: "iam.googleapis.com",
    set,
    granted: (signal) => undefinedIfMissing(grantedPermissions(context.services.iam, path, set, signal)),
    grant: (member, role) =>
      gcloud("iam service-accounts add-iam-policy-binding", [account], { member, role, project }),
    missing: judge(id, {
      subject: account,
      holds: false,
      found: "there is no such account",
      expected: `the account of ${variable}`,
      remedy: `Create it, or correct ${variable}.`,
      commands: [gcloud("iam service-accounts create", [account.split("@")[0] ?? ""], { project })],
    }),
  });
}

interface JudgedPermissions {
  readonly subject: string;
  readonly set: PermissionSet;
  readonly granted: readonly string[];
  readonly caller: Caller;
  readonly grant: (member: string, role: string) => string;
}

/** A service reports only its caller's permissions: what another account lacks is a warning. */
export function judgePermissions(
  id: CheckId,
  { subject, set, granted, caller: { account, expected }, grant }: JudgedPermissions,
): CheckResult {
  const missing = Object.entries(set.needs).filter(([permission]) => !granted.includes(permission));
  const isOther = account !== undefined && expected !== undefined && account !== expected;
  const who = account ?? "the caller";
  const lacks = missing.map(([permission, why]) => `${permission} (${why})`).join(", ");
  return judge(id, {
    subject,
    holds: missing.length === 0,
    found: missing.length === 0 ? `${who} has them all` : `${who} lacks ${lacks}`,
    expected: Object.keys(set.needs).join(", "),
    otherwise: isOther ? "warning" : "failed",
    remedy: `${isOther ? otherAccountRemedy : ""}Grant ${set.roles.join(" and ")} on the ${set.on}.`,
    commands: set.roles.map((role) =>
      grant(`serviceAccount:${expected ?? "<account of the function>"}`, role),
    ),
  });
}

const otherAccountRemedy =
  "Run this as the function's account, by `gcloud auth application-default login --impersonate-service-account`. ";
