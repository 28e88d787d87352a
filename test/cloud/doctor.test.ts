import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { permissions } from "../../src/configuration/google-requirements.ts";
import { failure } from "../servers/kit/http-server.ts";
import { deployment } from "./doctor-place.ts";

test("a sound deployment has no findings, and what local servers leave out is unknown", async () => {
  const { diagnose } = await deployment();
  const findings = await diagnose();
  expect(findings.wrong).toEqual([]);
  expect(findings.unknown).toEqual([
    "google.credentials application default credentials",
    "tasks.state baton-timers",
    "tasks.permissions baton-timers",
  ]);
  expect(findings.of("pubsub.topic", "baton-queue-imports")).toMatchObject({
    status: "ok",
    remedy: null,
    commands: [],
  });
  expect(findings.of("scheduler.tick", "baton-tick").status).toBe("ok");
});

test("without any local server in their place, Google's services that have none are unknown", async () => {
  const { apis, diagnose } = await deployment();
  apis.refuse = () => failure(404, "It is left out here");
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["failed tasks.account baton@test-project.iam.gserviceaccount.com"]);
  expect(findings.of("scheduler.sweep", "europe-west1").found).toContain(
    "The local server does not offer this",
  );
  expect(findings.of("firestore.permissions", "(default)").status).toBe("unknown");
});

test("a missing permission is reported with its role", async () => {
  const { diagnose, apis } = await deployment({ firestore: { denies: (call) => call === "rpc_commit" } });
  apis.denied = ["datastore.entities.update", "bigquery.jobs.create", "iam.serviceAccounts.actAs"];
  const findings = await diagnose();
  expect(findings.wrong.toSorted()).toEqual([
    "failed bigquery.permissions test-project",
    "failed firestore.permissions (default)",
    "failed tasks.account baton@test-project.iam.gserviceaccount.com",
  ]);
  expect(findings.of("firestore.permissions", "(default)")).toMatchObject({
    found: "the caller lacks datastore.entities.update (to change them)",
    commands: [
      "gcloud projects add-iam-policy-binding test-project " +
        "--member=serviceAccount:baton@test-project.iam.gserviceaccount.com --role=roles/datastore.user " +
        `--condition='expression=resource.name == "projects/test-project/databases/(default)",` +
        "title=baton: its own database'",
    ],
  });
});

test("a grant that holds for this database only is seen, though the project does not report it", async () => {
  const { diagnose, apis, firestore } = await deployment();
  apis.denied = Object.keys(permissions.firestore.needs);
  const findings = await diagnose();
  expect(findings.wrong).toEqual([]);
  expect(findings.of("firestore.permissions", "(default)").found).toBe("the caller has them all");
  expect(firestore.meter.of("rpc_commit")).toBe(1);
  expect(firestore.dump()).toEqual([]);
});

test.each(["rpc_run_query", "rpc_commit"])(
  "a right that neither the project nor the database grants is missing: %s",
  async (denied) => {
    const { diagnose, apis } = await deployment({ firestore: { denies: (call) => call === denied } });
    apis.denied = ["datastore.entities.get"];
    expect((await diagnose()).wrong).toEqual(["failed firestore.permissions (default)"]);
  },
);

test("a service that is not enabled is reported", async () => {
  const { diagnose, apis } = await deployment();
  const message = "Cloud Scheduler API has not been used in project 1 before or it is disabled.";
  apis.refuse = ({ path }) => (path.endsWith("/jobs") ? failure(403, message) : undefined);
  expect((await diagnose()).of("scheduler.sweep", "europe-west1")).toMatchObject({
    status: "failed",
    commands: ["gcloud services enable cloudscheduler.googleapis.com --project=test-project"],
  });
});

test("a caller without one permission sees the other findings", async () => {
  const { diagnose, apis } = await deployment();
  apis.refuse = ({ path }) => (path.endsWith("/jobs") ? failure(403, "Permission denied.") : undefined);
  const findings = await diagnose();
  expect(findings.wrong).toEqual([]);
  expect(findings.of("scheduler.sweep", "europe-west1")).toMatchObject({
    status: "unknown",
    remedy: expect.stringContaining("roles/viewer"),
  });
});

test("every variable that is missing is a finding of its own, and the rest is looked at", async () => {
  const { diagnose } = await deployment();
  const findings = await diagnose({
    BATON_BUCKET: undefined,
    BATON_LOCATION: undefined,
    BATON_CALLBACK_SECRET: undefined,
    BATON_CALLERS: undefined,
  });
  expect(findings.wrong).toEqual([
    "failed configuration.variables BATON_BUCKET",
    "failed configuration.variables BATON_LOCATION",
    "failed configuration.variables BATON_CALLBACK_SECRET",
    "failed configuration.variables BATON_CALLERS",
  ]);
});

test("its output contains no secret", async () => {
  const { diagnose, environment } = await deployment();
  const secret = environment.BATON_CALLBACK_SECRET ?? "";
  const broken = `whsec_${randomBytes(5).toString("hex")}`;
  const powerBi = { BATON_POWERBI_CLIENT_SECRET: "very-secret-indeed" };
  const said = JSON.stringify([
    (await diagnose(powerBi)).results,
    (await diagnose({ ...powerBi, BATON_CALLBACK_SECRET: broken })).results,
  ]);
  expect(said).toContain("BATON_POWERBI_TENANT_ID");
  for (const hidden of [secret, broken, "very-secret-indeed"]) expect(said).not.toContain(hidden);
});
