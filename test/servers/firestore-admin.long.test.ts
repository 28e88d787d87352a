import { v1 } from "@google-cloud/firestore";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { type FirestoreServerOptions, startFirestoreServer } from "./firestore/server.ts";

const name = "projects/test/databases/(default)";
const indexes = {
  indexes: [
    {
      collectionGroup: "logs",
      queryScope: "COLLECTION",
      fields: [
        { fieldPath: "batchId", order: "ASCENDING" },
        { fieldPath: "arrivals", arrayConfig: "CONTAINS" },
      ],
    },
  ],
  fieldOverrides: [
    { collectionGroup: "logs", fieldPath: "payload", indexes: [] },
    { collectionGroup: "logs", fieldPath: "expiresAt", ttl: true },
  ],
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function admin(options: FirestoreServerOptions = {}) {
  process.env.METADATA_SERVER_DETECTION = "none";
  const server = await startFirestoreServer(options);
  const [servicePath = "", port] = server.host.split(":");
  const sslCreds = credentials.createInsecure();
  const client = new v1.FirestoreAdminClient({
    servicePath,
    port: Number(port),
    sslCreds,
    projectId: "test",
  });
  closing.push(
    () => client.close(),
    () => server.close(),
  );
  return client;
}

test("a database is of Standard edition in native mode, unless a test wants another", async () => {
  const [sound] = await (await admin()).getDatabase({ name });
  expect(sound).toMatchObject({
    name,
    type: "FIRESTORE_NATIVE",
    databaseEdition: "STANDARD",
    deleteProtectionState: "DELETE_PROTECTION_DISABLED",
    pointInTimeRecoveryEnablement: "POINT_IN_TIME_RECOVERY_DISABLED",
  });
  const [other] = await (await admin({ admin: { databaseEdition: "ENTERPRISE" } })).getDatabase({ name });
  expect(other).toMatchObject({ databaseEdition: "ENTERPRISE", type: "FIRESTORE_NATIVE" });
  await expect((await admin({ admin: { isMissing: true } })).getDatabase({ name })).rejects.toMatchObject({
    code: status.NOT_FOUND,
  });
});

test("the overridden fields are listed with their indexes and their time to live", async () => {
  const client = await admin({ indexes });
  const parent = `${name}/collectionGroups/logs`;
  const [exempted] = await client.listFields({ parent, filter: "indexConfig.usesAncestorConfig:false" });
  expect(exempted).toMatchObject([{ name: `${parent}/fields/payload`, indexConfig: { indexes: [] } }]);
  const [expiring] = await client.listFields({ parent, filter: "ttlConfig:*" });
  expect(expiring).toMatchObject([{ name: `${parent}/fields/expiresAt`, ttlConfig: { state: "ACTIVE" } }]);
  const [field] = await client.getField({ name: `${parent}/fields/batchId` });
  expect(field.indexConfig).toMatchObject({ usesAncestorConfig: true });
  expect(field.indexConfig?.indexes).toHaveLength(3);
});

test("the composite indexes are listed, with the name that ends them", async () => {
  const [listed] = await (await admin({ indexes })).listIndexes({ parent: `${name}/collectionGroups/logs` });
  expect(listed).toMatchObject([
    {
      queryScope: "COLLECTION",
      state: "READY",
      fields: [
        { fieldPath: "batchId", order: "ASCENDING" },
        { fieldPath: "arrivals", arrayConfig: "CONTAINS" },
        { fieldPath: "__name__", order: "ASCENDING" },
      ],
    },
  ]);
});
