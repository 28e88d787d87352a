import { expect, test } from "vitest";
import { deployment, sound } from "./doctor-place.ts";

test("a database of another edition or type can't be mended, only replaced", async () => {
  const admin = { ...sound, databaseEdition: "ENTERPRISE", type: "DATASTORE_MODE" } as const;
  const { diagnose } = await deployment({ firestore: { admin } });
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["failed firestore.type (default)", "failed firestore.edition (default)"]);
  expect(findings.of("firestore.edition", "(default)")).toMatchObject({
    found: "ENTERPRISE",
    expected: expect.stringMatching(/^STANDARD/),
    remedy: expect.stringContaining("create another database and name it by BATON_DATABASE"),
    commands: [
      "gcloud firestore databases create --database='<another name>' --location=europe-west1 " +
        "--type=firestore-native --edition=standard --project=test-project",
    ],
  });
});

test("a database that is not there is created, and hides nothing else", async () => {
  const { diagnose } = await deployment({ firestore: { admin: { isMissing: true } } });
  const findings = await diagnose();
  expect(findings.of("firestore.database", "(default)")).toMatchObject({
    status: "failed",
    commands: [expect.stringContaining("gcloud firestore databases create --database='(default)'")],
  });
  expect(findings.of("pubsub.topic", "baton-control").status).toBe("ok");
});

test("a database far away, without a past and without protection is warned of", async () => {
  const { diagnose } = await deployment({ firestore: { admin: {} } });
  const findings = await diagnose();
  expect(findings.wrong).toEqual([
    "warning firestore.location (default)",
    "warning firestore.recovery (default)",
    "warning firestore.protection (default)",
  ]);
  expect(findings.of("firestore.recovery", "(default)").commands).toEqual([
    "gcloud firestore databases update --database='(default)' --enable-pitr --project=test-project",
  ]);
});

test("a time to live, an index and an exemption that are missing are told with what sets them", async () => {
  const fieldOverrides = [
    { collectionGroup: "batches", fieldPath: "*", indexes: [] },
    { collectionGroup: "batches", fieldPath: "status", indexes: [{ order: "DESCENDING" }] },
  ];
  const { diagnose } = await deployment({
    firestore: { admin: sound, indexes: { indexes: [], fieldOverrides } },
  });
  const findings = await diagnose();
  expect(findings.of("firestore.ttl", "batches")).toMatchObject({
    status: "failed",
    found: "nothing is ever deleted",
    commands: [
      "gcloud firestore fields ttls update expireAt --collection-group=batches --enable-ttl " +
        "--database='(default)' --project=test-project",
    ],
  });
  const batches = findings.of("firestore.indexes", "batches");
  expect(batches.status).toBe("failed");
  expect(batches.found).toContain(
    "status: no index ASCENDING; status: needless index DESCENDING (COLLECTION)",
  );
  expect(batches.found).toContain("lineageId: no index ASCENDING");
  expect(batches.found).not.toContain("expireAt");
  expect(batches.commands[0]).toBe(
    "gcloud firestore indexes fields update status --collection-group=batches " +
      "--index=order=ascending,query-scope=collection --database='(default)' --project=test-project",
  );
  expect(findings.of("firestore.indexes", "taskLogs").found).toContain("arrivals: automatic indexes");
  expect(findings.of("firestore.indexes", "workflows").found).toBe("*: automatic indexes");
  const logs = findings.of("firestore.indexes", "taskLogs").commands;
  expect(logs[0]).toContain("fields update '*' --collection-group=taskLogs --disable-indexes");
  expect(logs.join()).toContain("--index=array-config=contains,query-scope=collection");
});
