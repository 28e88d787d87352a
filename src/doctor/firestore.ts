import { randomUUID } from "node:crypto";
import * as z from "zod";
import { databaseCondition, permissions } from "../configuration/google-requirements.ts";
import type { CollectionName } from "../core/records.ts";
import { GoogleApiError } from "../ports/http.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import { fieldsGroup } from "./firestore-fields.ts";
import {
  type CloudContext,
  databasePath,
  gcloud,
  grantedOnProject,
  permissionGroup,
  resourceGroup,
  undefinedIfMissing,
} from "./google.ts";

const service = "firestore.googleapis.com";

const DatabaseSchema = z.object({
  name: z.string(),
  type: z.string().default(""),
  databaseEdition: z.string().default(""),
  locationId: z.string().default(""),
  pointInTimeRecoveryEnablement: z.string().optional(),
  deleteProtectionState: z.string().optional(),
});

/** The database, how its fields are indexed, and who may use its documents. */
export function firestoreGroups(context: CloudContext): CheckGroup[] {
  const { google, services } = context;
  const database = resourceGroup(context, {
    id: "firestore.database",
    subject: google.databaseId,
    service,
    rest: services.firestore,
    path: databasePath(context),
    answer: DatabaseSchema,
    kind: "database",
    describe: ({ locationId }) => `in ${locationId}`,
    expected: `a database ${google.databaseId} in ${google.projectId}`,
    remedy: "Deploy it, create it, or name another one by BATON_DATABASE.",
    create: createCommand(context, google.databaseId),
    checkSettings: (found) => checkSettings(context, found),
  });
  return [database, fieldsGroup(context), documentPermissionGroup(context)];
}

function createCommand({ google: { projectId, location } }: CloudContext, database: string): string {
  return gcloud("firestore databases create", [], {
    database,
    location: location || "<region>",
    type: "firestore-native",
    edition: "standard",
    project: projectId,
  });
}

function checkSettings(context: CloudContext, found: z.infer<typeof DatabaseSchema>): CheckResult[] {
  const { databaseId: subject, location, projectId: project } = context.google;
  const another = {
    remedy: "It can't be changed: create another database and name it by BATON_DATABASE.",
    commands: [createCommand(context, "<another name>")],
  };
  const update = (flag: string) => [
    gcloud("firestore databases update", [], { database: subject, [flag]: true, project }),
  ];
  const recovers = found.pointInTimeRecoveryEnablement === "POINT_IN_TIME_RECOVERY_ENABLED";
  const isProtected = found.deleteProtectionState === "DELETE_PROTECTION_ENABLED";
  return [
    judge("firestore.type", {
      subject,
      holds: found.type === "FIRESTORE_NATIVE",
      found: found.type,
      expected: "FIRESTORE_NATIVE",
      ...another,
    }),
    judge("firestore.edition", {
      subject,
      holds: found.databaseEdition === "STANDARD",
      found: found.databaseEdition,
      expected: "STANDARD: Baton's writes, counts and cost were verified on it",
      ...another,
    }),
    judge("firestore.location", {
      subject,
      // Names of several regions, such as `eur3`, have no dash.
      holds: found.locationId === location || !found.locationId.includes("-"),
      found: found.locationId,
      expected: `${location || "BATON_LOCATION"}, or several regions around it`,
      otherwise: location === "" ? "unknown" : "warning",
      remedy: "Every write crosses regions. Deploy the function beside the database, or create another one.",
    }),
    judge("firestore.recovery", {
      subject,
      holds: recovers,
      found: recovers ? "the last seven days" : "the last hour only",
      expected: "seven days",
      otherwise: "warning",
      remedy: "Let the database keep seven days of its past; that is billed as storage.",
      commands: update("enable-pitr"),
    }),
    judge("firestore.protection", {
      subject,
      holds: isProtected,
      found: isProtected ? "it is protected" : "one command deletes it",
      expected: "it is protected",
      otherwise: "warning",
      remedy: "Protect it.",
      commands: update("delete-protection"),
    }),
  ];
}

/** The project reports only what it grants on all databases, so the database is asked as well. */
function documentPermissionGroup(context: CloudContext): CheckGroup {
  const { projectId, databaseId, prefix } = context.google;
  const { expression, title } = databaseCondition({ projectId, databaseId, prefix });
  const condition = `expression=${expression},title=${title}`;
  const set = permissions.firestore;
  return permissionGroup(context, "firestore.permissions", {
    subject: databaseId,
    service: "cloudresourcemanager.googleapis.com",
    set,
    async granted(signal) {
      const all = Object.keys(set.needs);
      const onProject = await grantedOnProject(context, set, signal);
      return onProject.length === all.length || !(await mayUseDocuments(context, signal)) ? onProject : all;
    },
    grant: (member, role) =>
      gcloud("projects add-iam-policy-binding", [projectId], { member, role, condition }),
  });
}

const collection: CollectionName = "batches";

/**
 * Whether the caller may read and write documents. Each kind of write asks for a permission of its own. Nothing changes: the
 * commit fails, since one of its documents would have to exist under a random name.
 */
async function mayUseDocuments(context: CloudContext, signal: AbortSignal): Promise<boolean> {
  const { google, services } = context;
  const documents = `${databasePath(context)}/documents`;
  const post = (method: string, body: object) =>
    services.firestore.call({
      method: "POST",
      path: `${documents}:${method}`,
      body,
      answer: z.unknown(),
      signal,
    });
  const database = `projects/${google.projectId}/databases/${google.databaseId}`;
  const name = `${database}/documents/${collection}/doctor-${randomUUID()}`;
  const writes = [
    { update: { name: `${name}-missing`, fields: {} }, currentDocument: { exists: true } },
    { update: { name, fields: {} }, currentDocument: { exists: false } },
    { delete: `${name}-gone` },
  ];
  try {
    await post("runQuery", { structuredQuery: { from: [{ collectionId: collection }], limit: 1 } });
    await undefinedIfMissing(post("commit", { writes }));
    return true;
  } catch (error) {
    if (error instanceof GoogleApiError && error.code === 403) return false;
    throw error;
  }
}
