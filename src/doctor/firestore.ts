import { randomUUID } from "node:crypto";
import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import type { CollectionName } from "../core/records.ts";
import { GoogleApiError } from "../ports/http.ts";
import { type CheckGroup, type CheckResult, checkResult } from "./check.ts";
import { databasePath, fieldsGroup } from "./firestore-fields.ts";
import {
  type CloudContext,
  grantedOnProject,
  permissionGroup,
  resourceGroup,
  undefinedIfMissing,
} from "./google.ts";

const DatabaseSchema = z.object({
  name: z.string(),
  type: z.string().default(""),
  databaseEdition: z.string().default(""),
  locationId: z.string().default(""),
  pointInTimeRecoveryEnablement: z.string().optional(),
  deleteProtectionState: z.string().optional(),
});

/** The database, the indexes of its fields, and the permissions on its documents. */
export function firestoreGroups(context: CloudContext): CheckGroup[] {
  const { databaseId, projectId } = context.google;
  const database = resourceGroup(context, "firestore.database", databaseId, {
    service: "firestore",
    path: databasePath(context),
    answer: DatabaseSchema,
    kind: "database",
    describe: ({ locationId }) => `in ${locationId}`,
    finding: {
      expected: `a database ${databaseId} in ${projectId}`,
      remedy: "Deploy it, or name another one by BATON_DATABASE.",
      deploys: true,
    },
    checkSettings: (found) => checkSettings(context, found),
  });
  return [database, fieldsGroup(context), documentPermissionGroup(context)];
}

function checkSettings({ google }: CloudContext, found: z.infer<typeof DatabaseSchema>): CheckResult[] {
  const { databaseId: subject, location } = google;
  const isRecoverable = found.pointInTimeRecoveryEnablement === "POINT_IN_TIME_RECOVERY_ENABLED";
  const isProtected = found.deleteProtectionState === "DELETE_PROTECTION_ENABLED";
  const replacement = {
    remedy: "It can't be changed: name another database by BATON_DATABASE, and deploy that.",
    deploys: true,
  };
  return [
    checkResult("firestore.type", subject, {
      holds: found.type === "FIRESTORE_NATIVE",
      found: found.type,
      expected: "FIRESTORE_NATIVE",
      ...replacement,
    }),
    checkResult("firestore.edition", subject, {
      holds: found.databaseEdition === "STANDARD",
      found: found.databaseEdition,
      expected: "STANDARD: Baton's writes, counts and cost were verified on it",
      ...replacement,
    }),
    checkResult("firestore.location", subject, {
      // Names of multi-regions, such as `eur3`, have no dash.
      holds: found.locationId === location || !found.locationId.includes("-"),
      found: found.locationId,
      expected: `${location || "BATON_LOCATION"}, or a multi-region around it`,
      severity: location === "" ? "unknown" : "warning",
      remedy:
        "Every write crosses regions. Deploy the function beside the database, or use another database.",
    }),
    checkResult("firestore.recovery", subject, {
      holds: isRecoverable,
      found: isRecoverable ? "the last seven days" : "the last hour only",
      expected: "seven days",
      severity: "warning",
    }),
    checkResult("firestore.protection", subject, {
      holds: isProtected,
      found: isProtected ? "it is protected" : "one command deletes it",
      expected: "it is protected",
      severity: "warning",
    }),
  ];
}

/** The project reports only what it grants on all databases, so the database is asked as well. */
function documentPermissionGroup(context: CloudContext): CheckGroup {
  const set = permissions.firestore;
  return permissionGroup(context, "firestore.permissions", context.google.databaseId, {
    service: "resourceManager",
    set,
    async granted(signal) {
      const all = Object.keys(set.needs);
      const onProject = await grantedOnProject(context, set, signal);
      return onProject.length === all.length || !(await mayUseDocuments(context, signal)) ? onProject : all;
    },
  });
}

const collection: CollectionName = "batches";

/**
 * Whether the caller may read and write documents. Each kind of write needs its own permission. Nothing changes: the
 * commit fails, since it requires a document with a random name to exist.
 */
async function mayUseDocuments(context: CloudContext, signal: AbortSignal): Promise<boolean> {
  const { google, services } = context;
  const documents = `${databasePath(context)}/documents`;
  const call = { method: "POST", answer: z.unknown(), signal } as const;
  const post = (method: string, body: object) =>
    services.firestore.call({ ...call, path: `${documents}:${method}`, body });
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
