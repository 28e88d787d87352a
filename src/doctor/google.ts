import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { databaseCondition, type PermissionSet } from "../configuration/google-requirements.ts";
import { quoteForShell } from "../core/values/text.ts";
import { GoogleApiError, type GoogleRest } from "../ports/http.ts";
import { type CheckGroup, type CheckId, type CheckResult, checkResult, type Finding } from "./check.ts";

/** The hosts of the services that the doctor asks, each by its REST interface. */
export const serviceHosts = {
  firestore: "firestore.googleapis.com",
  pubSub: "pubsub.googleapis.com",
  cloudTasks: "cloudtasks.googleapis.com",
  storage: "storage.googleapis.com",
  bigQuery: "bigquery.googleapis.com",
  scheduler: "cloudscheduler.googleapis.com",
  resourceManager: "cloudresourcemanager.googleapis.com",
  iam: "iam.googleapis.com",
} as const;
export type ServiceName = keyof typeof serviceHosts;

export interface Caller {
  /** The account of the credentials; undefined if they do not name one. */
  readonly account: string | undefined;
  /** The account of the function, as far as the configuration says. */
  readonly expected: string | undefined;
}

/** What the checks of Google's services have in common. */
export interface CloudContext {
  readonly configuration: Configuration;
  readonly google: GoogleConfiguration;
  readonly caller: Caller;
  readonly services: Readonly<Record<ServiceName, GoogleRest>>;
}

/** Undefined if the service answers 404. */
export async function undefinedIfMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof GoogleApiError && error.code === 404) return undefined;
    throw error;
  });
}

/** The parsed resource; undefined if it does not exist. */
export function readResource<T>(
  { services }: CloudContext,
  service: ServiceName,
  path: string,
  answer: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  return undefinedIfMissing(services[service].call({ method: "GET", path, answer, signal }));
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
    const pagePath = `${path}&pageToken=${encodeURIComponent(token)}`;
    const page: Page = await rest.call({ method: "GET", path: pagePath, answer, signal });
    pages.push(page);
    token = page.nextPageToken || undefined;
  }
  return pages;
}

/** The last part of a full name, such as the id of a topic. */
export function resourceId(name: string): string {
  return name.split("/").at(-1) ?? "";
}

/** `600s`, as Google's REST interfaces write durations. */
export const DurationSchema = z.string().transform((text) => Number.parseFloat(text));

/** A gcloud command line, quoted for a shell. */
export function gcloud(
  command: string,
  parameters: readonly string[],
  flags: Readonly<Record<string, string | true | undefined>>,
): string {
  return ["gcloud", command, ...parameters.map(quoteForShell), ...flagTexts(flags)].join(" ");
}

/** `true` is a flag without a value; undefined is left out. */
export function flagTexts(flags: Readonly<Record<string, string | true | undefined>>): readonly string[] {
  return Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${quoteForShell(String(value))}`));
}

interface ResourceCheck<Found> {
  readonly service: ServiceName;
  readonly path: string;
  readonly answer: z.ZodType<Found>;
  /** What the service calls it: "topic". */
  readonly kind: string;
  readonly describe?: (found: Found) => string;
  readonly finding?: Partial<Finding>;
  /** Further checks of one that exists. */
  readonly checkSettings?: (found: Found) => readonly CheckResult[];
}

/** Whether a resource exists, and whether its settings are right. */
export function resourceGroup<Found>(
  context: CloudContext,
  id: CheckId,
  subject: string,
  { service, path, answer, kind, describe, finding, checkSettings }: ResourceCheck<Found>,
): CheckGroup {
  return {
    id,
    subject,
    service: serviceHosts[service],
    async run(signal) {
      const found = await readResource(context, service, path, answer, signal);
      const exists = checkResult(id, subject, {
        holds: found !== undefined,
        found: found === undefined ? `there is no such ${kind}` : (describe?.(found) ?? "it exists"),
        expected: `a ${kind}`,
        ...finding,
      });
      return found === undefined ? [exists] : [exists, ...(checkSettings?.(found) ?? [])];
    },
  };
}

const PermissionsSchema = sparseObject({ permissions: z.array(z.string()).default([]) });

/** Which permissions of a set the caller has on a resource. */
async function grantedPermissions(
  rest: GoogleRest,
  path: string,
  { needs }: PermissionSet,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const call = { method: "POST", path: `${path}:testIamPermissions`, answer: PermissionsSchema } as const;
  return (await rest.call({ ...call, body: { permissions: Object.keys(needs) }, signal })).permissions;
}

export function grantedOnProject(
  { services, google }: CloudContext,
  set: PermissionSet,
  signal: AbortSignal,
) {
  return grantedPermissions(services.resourceManager, `/v1/projects/${google.projectId}`, set, signal);
}

interface PermissionCheck {
  readonly service: ServiceName;
  readonly set: PermissionSet;
  /** The resource, if the service answers to `testIamPermissions`. */
  readonly path?: string;
  /** Permissions of the set that the caller has; undefined if the resource does not exist. */
  readonly granted?: (signal: AbortSignal) => Promise<readonly string[] | undefined>;
  /** For a resource that does not exist. Default: none, since another check reports it. */
  readonly missing?: CheckResult;
}

/** Whether the caller has the permissions of a set. */
export function permissionGroup(
  context: CloudContext,
  id: CheckId,
  subject: string,
  { service, set, path = "", granted, missing }: PermissionCheck,
): CheckGroup {
  const ask = (signal: AbortSignal) =>
    undefinedIfMissing(grantedPermissions(context.services[service], path, set, signal));
  return {
    id,
    subject,
    service: serviceHosts[service],
    async run(signal) {
      const permissions = await (granted ?? ask)(signal);
      if (permissions) return [checkPermissions(context, id, subject, set, permissions)];
      return missing ? [missing] : [];
    },
  };
}

/** Permissions on the project. A permission that is granted under a condition counts as missing. */
export function projectPermissionGroup(context: CloudContext, id: CheckId, set: PermissionSet): CheckGroup {
  const path = `/v1/projects/${context.google.projectId}`;
  return permissionGroup(context, id, context.google.projectId, { service: "resourceManager", set, path });
}

/** Whether a service account exists, and whether the caller may act as it. `variable`: where it is named. */
export function actAsGroup(
  context: CloudContext,
  id: CheckId,
  {
    account,
    variable,
    set,
  }: { readonly account: string; readonly variable: string; readonly set: PermissionSet },
): CheckGroup {
  const missing = checkResult(id, account, {
    holds: false,
    found: "there is no such account",
    expected: `the account of ${variable}`,
    remedy: `Deploy or create it, or correct ${variable}.`,
  });
  const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}`;
  return permissionGroup(context, id, account, { service: "iam", set, path, missing });
}

/** A service reports only its caller's permissions: what another account lacks is a warning. */
export function checkPermissions(
  { google, caller: { account, expected } }: Pick<CloudContext, "google" | "caller">,
  id: CheckId,
  subject: string,
  set: PermissionSet,
  granted: readonly string[],
): CheckResult {
  const missing = Object.entries(set.needs).filter(([permission]) => !granted.includes(permission));
  const isOther = account !== undefined && expected !== undefined && account !== expected;
  const lacks = missing.map(([permission, why]) => `${permission} (${why})`).join(", ");
  const member = `serviceAccount:${expected ?? "<account of the function>"}`;
  return checkResult(id, subject, {
    holds: missing.length === 0,
    found: `${account ?? "the caller"} ${missing.length === 0 ? "has them all" : `lacks ${lacks}`}`,
    expected: Object.keys(set.needs).join(", "),
    severity: isOther ? "warning" : "failed",
    remedy: `${isOther ? otherAccountRemedy : ""}Grant ${set.roles.join(" and ")} on the ${set.on}.`,
    commands: set.roles.map((role) => grantCommand(google, set.on, subject, { member, role })),
  });
}

const otherAccountRemedy =
  "Run this as the function's account, by `gcloud auth application-default login --impersonate-service-account`. ";

/** gcloud's groups whose resources have grants of their own. All others are granted on the project. */
const grantGroups: Readonly<Partial<Record<PermissionSet["on"], string>>> = {
  topic: "pubsub topics",
  queue: "tasks queues",
  bucket: "storage buckets",
  "service account": "iam service-accounts",
};

function grantCommand(
  google: GoogleConfiguration,
  on: PermissionSet["on"],
  subject: string,
  grant: { readonly member: string; readonly role: string },
): string {
  const group = grantGroups[on];
  if (group === undefined) {
    const { expression, title } = databaseCondition(google);
    const condition = on === "database" ? `expression=${expression},title=${title}` : "None";
    return gcloud("projects add-iam-policy-binding", [google.projectId], { ...grant, condition });
  }
  const name = on === "bucket" ? `gs://${subject}` : subject;
  const location = on === "queue" ? google.location : undefined;
  const project = on === "bucket" ? undefined : google.projectId;
  return gcloud(`${group} add-iam-policy-binding`, [name], { ...grant, location, project });
}
