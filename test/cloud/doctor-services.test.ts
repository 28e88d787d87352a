import { expect, test } from "vitest";
import { folderWith } from "../workflow/temp-folder.ts";
import { deployment, job, storageAnswers } from "./doctor-place.ts";

test("the queue of later messages has to be where BATON_LOCATION says", async () => {
  const { diagnose } = await deployment();
  const findings = await diagnose({ BATON_LOCATION: "europe-west6" });
  expect(findings.of("tasks.queue", "baton-timers")).toMatchObject({
    status: "failed",
    found: "there is no such queue",
    deployCommand: expect.stringContaining("--region=europe-west6"),
  });
});

test("buckets that are missing, and an inbox without a notification", async () => {
  const { diagnose, cloud } = await deployment();
  const missing = await diagnose({ BATON_BUCKET: "nowhere-at-all" });
  expect(missing.wrong).toEqual(["failed storage.bucket nowhere-at-all"]);
  expect(missing.of("storage.bucket", "nowhere-at-all").deployCommand).toMatch(/^npx baton deploy /);
  cloud.storage.setRefusals((call) => {
    if (call.path.endsWith("/notificationConfigs"))
      return { status: 200, body: { kind: "storage#notifications" } };
    if (call.path.endsWith("/b/test-bucket"))
      return { status: 200, body: { name: "test-bucket", iamConfiguration: {} } };
    if (call.path.endsWith("/test-bucket/iam/testPermissions"))
      return { status: 200, body: { kind: "storage#testIamPermissionsResponse" } };
    return storageAnswers(call);
  });
  const findings = await diagnose();
  expect(findings.wrong.toSorted()).toEqual([
    "failed storage.permissions test-bucket",
    "warning storage.access test-bucket",
    "warning storage.notification test-inbox",
  ]);
  expect(findings.of("storage.notification", "test-inbox").deployCommand).toMatch(/^npx baton deploy /);
});

test("without an inbox bucket, no notification is checked: Baton's bucket must not announce its writes", async () => {
  const { diagnose } = await deployment();
  const { results, wrong } = await diagnose({ BATON_INBOX_BUCKET: undefined });
  expect(wrong).toEqual([]);
  expect(results.filter(({ id }) => id === "storage.bucket").map(({ subject }) => subject)).toEqual([
    "test-bucket",
  ]);
  expect(results.filter(({ id }) => id === "storage.notification")).toEqual([]);
});

test("the dataset has to be where jobs run, and is made when it is missing", async () => {
  const { diagnose } = await deployment();
  expect((await diagnose({ BATON_BIGQUERY_LOCATION: "US" })).of("bigquery.location", "baton")).toMatchObject({
    status: "failed",
    found: "EU",
    remedy: expect.stringContaining("BATON_BIGQUERY_LOCATION=EU"),
  });
  expect((await diagnose({ BATON_DATASET: "elsewhere" })).of("bigquery.dataset", "elsewhere")).toMatchObject({
    status: "warning",
    remedy: expect.stringContaining("in US"),
    deployCommand: expect.stringMatching(/^npx baton deploy /),
  });
});

test("an archive of callbacks that lacks columns is reported", async () => {
  const { diagnose, environment } = await deployment();
  await fetch(
    `${environment.BIGQUERY_EMULATOR_HOST}/bigquery/v2/projects/test-project/datasets/baton/tables`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        tableReference: { tableId: "enrichment_callbacks" },
        schema: {
          fields: [
            { name: "job_id", type: "STRING" },
            { name: "status", type: "STRING" },
          ],
        },
      }),
    },
  );
  expect((await diagnose()).of("bigquery.callbacks", "baton.enrichment_callbacks")).toMatchObject({
    status: "failed",
    found: expect.stringMatching(/^it lacks callback_payload, /),
  });
});

test("a sweep that is paused, and a missing tick", async () => {
  const { diagnose, apis } = await deployment();
  apis.jobs = [job("not-ours", "other"), job("my-sweep", "sweep", "PAUSED")];
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["failed scheduler.sweep my-sweep", "failed scheduler.tick baton-tick"]);
  expect(findings.of("scheduler.sweep", "my-sweep").commands).toContain(
    "gcloud scheduler jobs resume my-sweep --location=europe-west1 --project=test-project",
  );
  expect(findings.of("scheduler.tick", "baton-tick").deployCommand).toMatch(/^npx baton deploy /);
});

test("Dataform's accounts, which the function has to be allowed to act as", async () => {
  const { diagnose, apis } = await deployment();
  const runner = "runner@shop.iam.gserviceaccount.com";
  const task = (account: string) =>
    `workflow: nightly
tasks:
  - id: summarise
    type: dataform
    with: { repository: projects/p/locations/l/repositories/r, gitCommitish: main${account} }
`;
  const named = {
    BATON_WORKFLOWS: await folderWith({ "nightly.yaml": task(`, serviceAccount: ${runner}`) }),
  };
  expect((await diagnose(named)).of("dataform.account", runner).status).toBe("ok");
  const unnamed = { BATON_WORKFLOWS: await folderWith({ "nightly.yaml": task("") }) };
  expect((await diagnose(unnamed)).of("dataform.account", "nightly/summarise")).toMatchObject({
    status: "warning",
    remedy: expect.stringContaining("BATON_DATAFORM_ACCOUNTS"),
  });
  apis.denied = ["iam.serviceAccounts.actAs"];
  const denied = await diagnose({ ...unnamed, BATON_DATAFORM_ACCOUNTS: runner });
  expect(denied.of("dataform.account", runner)).toMatchObject({
    status: "failed",
    commands: [expect.stringContaining(`add-iam-policy-binding ${runner} `)],
  });
});
