import { expect, test } from "vitest";
import { deployment, sound } from "./doctor-place.ts";

test("a database of another edition or type can't be fixed, only replaced", async () => {
  const admin = { ...sound, databaseEdition: "ENTERPRISE", type: "DATASTORE_MODE" } as const;
  const { diagnose } = await deployment({ firestore: { admin } });
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["failed firestore.type (default)", "failed firestore.edition (default)"]);
  expect(findings.of("firestore.edition", "(default)")).toMatchObject({
    found: "ENTERPRISE",
    expected: expect.stringMatching(/^STANDARD/),
    remedy: expect.stringContaining("name another database by BATON_DATABASE"),
    deployCommand: expect.stringMatching(/^npx baton deploy /),
  });
});

test("a missing database is deployed, and hides nothing else", async () => {
  const { diagnose } = await deployment({ firestore: { admin: { isMissing: true } } });
  const findings = await diagnose();
  expect(findings.of("firestore.database", "(default)")).toMatchObject({
    status: "failed",
    deployCommand: expect.stringMatching(/^npx baton deploy /),
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
});

test("a missing time to live, index and exemption are reported", async () => {
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
    deployCommand: expect.stringMatching(/^npx baton deploy /),
  });
  const batches = findings.of("firestore.indexes", "batches");
  expect(batches.status).toBe("failed");
  expect(batches.found).toContain(
    "status: no index ASCENDING; status: needless index DESCENDING (COLLECTION)",
  );
  expect(batches.found).toContain("lineageId: no index ASCENDING");
  expect(batches.found).not.toContain("expireAt");
  expect(findings.of("firestore.indexes", "taskLogs").found).toContain("arrivals: automatic indexes");
  expect(findings.of("firestore.indexes", "workflows").found).toBe("*: automatic indexes");
});
