import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { databaseCondition, type PermissionSet } from "../configuration/google-requirements.ts";
import { GoogleApiError, type GoogleRest } from "../ports/http.ts";
import {
  type CheckGroup,
  type CheckId,
  type CheckResult,
  checkResult,
  type Finding,
  gcloud,
} from "./check.ts";

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

/** What the checks of Google's services have in common. */
export interface CloudContext {
  readonly configuration: Configuration;
  readonly google: GoogleConfiguration;
  /** The account of the credentials, if they name one; `expected`: that of the function, if it is configured. */
  readonly caller: { readonly account: string | undefined; readonly expected: string | undefined };
  readonly services: Readonly<Record<ServiceName, GoogleRest>>;
}

/** The resources that are checked: their service, and their path in its REST interface. */
const resources = {
  project: ["resourceManager", "/v1/projects/{project}"],
  database: ["firestore", "/v1/projects/{project}/databases/{id}"],
  topic: ["pubSub", "/v1/projects/{project}/topics/{id}"],
  subscription: ["pubSub", "/v1/projects/{project}/subscriptions/{id}"],
  queue: ["cloudTasks", "/v2/projects/{project}/locations/{location}/queues/{id}"],
  bucket: ["storage", "/storage/v1/b/{id}"],
  dataset: ["bigQuery", "/bigquery/v2/projects/{project}/datasets/{id}"],
  "service account": ["iam", "/v1/projects/-/serviceAccounts/{id}"],
} as const;
type ResourceName = keyof typeof resources;

/** gcloud's groups for resources that have grants of their own. All others are granted on the project. */
const grantGroups: Readonly<Record<string, string>> = {
  topic: "pubsub topics",
  queue: "tasks queues",
  bucket: "storage buckets",
  "service account": "iam service-accounts",
};

export function resourcePath({ google }: CloudContext, kind: ResourceName, id: string): string {
  return resources[kind][1]
    .replace("{project}", google.projectId)
    .replace("{location}", google.location)
    .replace("{id}", encodeURIComponent(id));
}

export function serviceGroup(
  id: CheckId,
  subject: string,
  service: ServiceName,
  run: CheckGroup["run"],
): CheckGroup {
  return { id, subject, service: serviceHosts[service], run };
}

/** Undefined if the service answers 404. */
export async function undefinedIfMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof GoogleApiError && error.code === 404) return undefined;
    throw error;
  });
}

/** The parsed resource; undefined if it does not exist. `within`: the path of a part of it. */
export function readResource<T>(
  context: CloudContext,
  [kind, id, within = ""]: readonly [kind: ResourceName, id: string, within?: string],
  answer: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const path = `${resourcePath(context, kind, id)}${within}`;
  const rest = context.services[resources[kind][0]];
  return undefinedIfMissing(rest.call({ method: "GET", path, answer, signal }));
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

/** Forms of fields in Google's REST interfaces, which omit what is empty. A duration is written `600s`. */
export const DurationSchema = z.string().transform((text) => Number.parseFloat(text));
export const TextSchema = z.string().default("");
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item).default([]);
}

interface ResourceCheck<Found> {
  readonly kind: ResourceName;
  readonly answer: z.ZodType<Found>;
  readonly describe?: (resource: Found) => string;
  readonly finding?: Partial<Finding> | ((resource: Found | undefined) => Partial<Finding>);
  /** Further checks of one that exists. */
  readonly settings?: (resource: Found) => readonly CheckResult[];
}

/** Whether a resource exists, and whether its settings are right. */
export function resourceGroup<Found>(
  context: CloudContext,
  id: CheckId,
  subject: string,
  { kind, answer, describe = () => "it exists", finding = {}, settings = () => [] }: ResourceCheck<Found>,
): CheckGroup {
  return serviceGroup(id, subject, resources[kind][0], async (signal) => {
    const resource = await readResource(context, [kind, subject], answer, signal);
    const exists = resource !== undefined;
    const found = exists ? describe(resource) : `there is no such ${kind}`;
    const usual = { holds: exists, found, expected: `a ${kind}` };
    const own = typeof finding === "function" ? finding(resource) : finding;
    return [checkResult(id, subject, { ...usual, ...own }), ...(exists ? settings(resource) : [])];
  });
}

const PermissionsSchema = sparseObject({ permissions: z.array(z.string()).default([]) });

/** Which permissions of a set the caller has on a resource. */
export async function grantedPermissions(
  context: CloudContext,
  [kind, id]: readonly [ResourceName, string],
  { needs }: PermissionSet,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `${resourcePath(context, kind, id)}:testIamPermissions`;
  const body = { permissions: Object.keys(needs) };
  const call = { method: "POST", path, answer: PermissionsSchema, body, signal } as const;
  return (await context.services[resources[kind][0]].call(call)).permissions;
}

interface PermissionCheck {
  readonly set: PermissionSet;
  /** The resource that is asked, if its service answers to `testIamPermissions`. Default: the project. */
  readonly kind?: ResourceName;
  /** Asks in another way. */
  readonly granted?: (signal: AbortSignal) => Promise<readonly string[] | undefined>;
  /** For a resource that does not exist. Default: none, since another check reports it. */
  readonly missing?: readonly CheckResult[];
}

/** Whether the caller has the permissions of a set. One that is granted on the project under a condition is missing. */
export function permissionGroup(
  context: CloudContext,
  id: CheckId,
  subject: string,
  { set, kind = "project", missing = [], ...other }: PermissionCheck,
): CheckGroup {
  const ask = (signal: AbortSignal) =>
    undefinedIfMissing(grantedPermissions(context, [kind, subject], set, signal));
  const { granted = ask } = other;
  return serviceGroup(id, subject, resources[kind][0], async (signal) => {
    const permissions = await granted(signal);
    return permissions ? [checkPermissions(context, id, subject, set, permissions)] : missing;
  });
}

/** Whether a service account exists, and whether the caller may act as it. `variable`: where it is named. */
export function actAsGroup(
  context: CloudContext,
  id: CheckId,
  account: string,
  { variable, set }: { readonly variable: string; readonly set: PermissionSet },
): CheckGroup {
  const missing = checkResult(id, account, {
    found: "there is no such account",
    expected: `the account of ${variable}`,
    remedy: `Deploy or create it, or correct ${variable}.`,
  });
  return permissionGroup(context, id, account, { kind: "service account", set, missing: [missing] });
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

function grantCommand(
  google: GoogleConfiguration,
  on: string,
  subject: string,
  grant: Readonly<Record<"member" | "role", string>>,
): string {
  const grants = grantGroups[on];
  if (grants === undefined) {
    const { expression, title } = databaseCondition(google);
    const condition = on === "database" ? `expression=${expression},title=${title}` : "None";
    return gcloud("projects add-iam-policy-binding", [google.projectId], { ...grant, condition });
  }
  const name = on === "bucket" ? `gs://${subject}` : subject;
  const location = on === "queue" ? google.location : undefined;
  const project = on === "bucket" ? undefined : google.projectId;
  return gcloud(`${grants} add-iam-policy-binding`, [name], { ...grant, location, project });
}
