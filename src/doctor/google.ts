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
  readonly caller: {
    /** The account of the credentials; undefined if they do not name one. */
    readonly account: string | undefined;
    /** The account of the function, as far as the configuration says. */
    readonly expected: string | undefined;
  };
  readonly services: Readonly<Record<ServiceName, GoogleRest>>;
}

interface ResourceKind {
  readonly service: ServiceName;
  /** The path in the REST interface of the service. */
  path(google: GoogleConfiguration, id: string): string;
  /** gcloud's group, if such a resource has grants of its own. All others are granted on the project. */
  readonly grants?: string;
}

/** The resources that are checked, by what their service calls them. */
const resourceKinds = {
  project: { service: "resourceManager", path: ({ projectId }) => `/v1/projects/${projectId}` },
  database: {
    service: "firestore",
    path: ({ projectId }, id) => `/v1/projects/${projectId}/databases/${id}`,
  },
  topic: {
    service: "pubSub",
    path: ({ projectId }, id) => `/v1/projects/${projectId}/topics/${id}`,
    grants: "pubsub topics",
  },
  subscription: {
    service: "pubSub",
    path: ({ projectId }, id) => `/v1/projects/${projectId}/subscriptions/${id}`,
  },
  queue: {
    service: "cloudTasks",
    path: ({ projectId, location }, id) => `/v2/projects/${projectId}/locations/${location}/queues/${id}`,
    grants: "tasks queues",
  },
  bucket: { service: "storage", path: (_, id) => `/storage/v1/b/${id}`, grants: "storage buckets" },
  dataset: {
    service: "bigQuery",
    path: ({ projectId }, id) => `/bigquery/v2/projects/${projectId}/datasets/${id}`,
  },
  "service account": {
    service: "iam",
    path: (_, id) => `/v1/projects/-/serviceAccounts/${encodeURIComponent(id)}`,
    grants: "iam service-accounts",
  },
} as const satisfies Readonly<Record<string, ResourceKind>>;
type ResourceName = keyof typeof resourceKinds;

export function resourcePath(
  { google }: Pick<CloudContext, "google">,
  kind: ResourceName,
  id: string,
): string {
  return resourceKinds[kind].path(google, id);
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
  const rest = context.services[resourceKinds[kind].service];
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
  { kind, answer, describe, finding, checkSettings }: ResourceCheck<Found>,
): CheckGroup {
  return serviceGroup(id, subject, resourceKinds[kind].service, async (signal) => {
    const resource = await readResource(context, [kind, subject], answer, signal);
    const exists = checkResult(id, subject, {
      holds: resource !== undefined,
      found: resource === undefined ? `there is no such ${kind}` : (describe?.(resource) ?? "it exists"),
      expected: `a ${kind}`,
      ...finding,
    });
    return resource === undefined ? [exists] : [exists, ...(checkSettings?.(resource) ?? [])];
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
  return (await context.services[resourceKinds[kind].service].call(call)).permissions;
}

interface PermissionCheck {
  readonly set: PermissionSet;
  /** The resource that is asked, if its service answers to `testIamPermissions`. Default: the project. */
  readonly kind?: ResourceName;
  /** Asks in another way. */
  readonly granted?: (signal: AbortSignal) => Promise<readonly string[] | undefined>;
  /** For a resource that does not exist. Default: none, since another check reports it. */
  readonly missing?: CheckResult;
}

/** Whether the caller has the permissions of a set. One that is granted on the project under a condition is missing. */
export function permissionGroup(
  context: CloudContext,
  id: CheckId,
  subject: string,
  { set, kind = "project", granted, missing }: PermissionCheck,
): CheckGroup {
  const ask = (signal: AbortSignal) =>
    undefinedIfMissing(grantedPermissions(context, [kind, subject], set, signal));
  return serviceGroup(id, subject, resourceKinds[kind].service, async (signal) => {
    const permissions = await (granted ?? ask)(signal);
    if (permissions) return [checkPermissions(context, id, subject, set, permissions)];
    return missing ? [missing] : [];
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
  return permissionGroup(context, id, account, { kind: "service account", set, missing });
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
  on: PermissionSet["on"],
  subject: string,
  grant: { readonly member: string; readonly role: string },
): string {
  const kinds: Readonly<Record<string, ResourceKind>> = resourceKinds;
  const grants = kinds[on]?.grants;
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
