import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { databaseCondition, permissions } from "../../src/configuration/google-requirements.ts";
import { accountResource } from "../../src/tasks/dataform.ts";
import { Evaluation } from "./evaluate.ts";
import { evaluation, files, grants, rolesOf } from "./grants.ts";
import { type Block, expression } from "./terraform-files.ts";

const rolesOfTraces = [
  ...readFileSync(new URL("../../docs/tracing.md", import.meta.url), "utf8").matchAll(/--role (\S+)/g),
].map(([, role]) => role ?? "");

const ConditionSchema = z.object({ expression: z.string(), title: z.string() });

/** What a role is granted on, as permissions.ts says it, and the resource that does so. */
const places = {
  project: "google_project_iam_member",
  // Databases have no grants of their own: a condition bounds one on the project.
  database: "google_project_iam_member",
  topic: "google_pubsub_topic_iam_member",
  queue: "google_cloud_tasks_queue_iam_member",
  bucket: "google_storage_bucket_iam_member",
  dataset: "google_bigquery_dataset_iam_member",
  "service account": "google_service_account_iam_member",
  secret: "google_secret_manager_secret_iam_member",
  // Names of repositories may come with a batch, and only the newest versions of the provider grant on a single one.
  repository: "google_project_iam_member",
} as const;

describe("the function", () => {
  test("has every role of permissions.ts, on what it says, and those of tracing, and no other", () => {
    const wanted = Object.values(permissions).flatMap(({ roles }) => [...roles]);
    expect([...rolesOf("function")].sort()).toEqual([...wanted, ...rolesOfTraces].sort());
    for (const { on, roles } of Object.values(permissions))
      for (const role of roles)
        expect(grants).toContainEqual(
          expect.objectContaining({
            role,
            type: places[on],
            member: expression("google_service_account.function.member"),
          }),
        );
  });

  test("may publish to all topics, use both buckets, and read its own secrets", () => {
    const of = (address: string) => files.resource(address).for_each;
    expect(of("google_pubsub_topic_iam_member.function_publisher")).toBe(expression("local.topics"));
    expect(evaluation.value(of("google_storage_bucket_iam_member.function_objects"))).toEqual([
      "some-project-baton",
      "some-project-baton-inbox",
    ]);
    expect(of("google_secret_manager_secret_iam_member.function_secrets")).toBe(expression("local.secrets"));
  });

  test("may act as the account in whose name Cloud Tasks publishes: its own", () => {
    expect(files.resource("google_service_account_iam_member.function_as_itself")).toMatchObject({
      service_account_id: expression("google_service_account.function.name"),
      role: "roles/iam.serviceAccountUser",
      member: expression("google_service_account.function.member"),
    });
  });

  test.each(["function", "deployer"])(
    "the account %s may use its own database, and no other of the project",
    (account) => {
      expect(files.resource(`google_project_iam_member.${account}_firestore`)).toMatchObject({
        role: "roles/datastore.user",
        member: expression(`google_service_account.${account}.member`),
        condition: [
          {
            expression: expression("local.this_database.expression"),
            title: expression("local.this_database.title"),
          },
        ],
      });
      expect(grants.filter(({ role }) => role === "roles/datastore.user")).toHaveLength(3);
      const given = {
        project: "some-project",
        region: "europe-west1",
        prefix: "test-env",
        database: "(default)",
      };
      const { expression: where, title } = ConditionSchema.parse(files.locals.this_database);
      const ofDoctor = databaseCondition({
        projectId: given.project,
        databaseId: given.database,
        prefix: given.prefix,
      });
      const written = new Evaluation(files, given);
      expect(written.value(title)).toBe(ofDoctor.title);
      expect(written.value(where)).toBe('resource.name == "projects/some-project/databases/(default)"');
      expect(ofDoctor.expression).toBe(written.value(where));
    },
  );

  test("may act as the accounts that Dataform's actions run as, and as no others", () => {
    const grant = files.resource("google_service_account_iam_member.function_as_dataform");
    expect(grant).toMatchObject({
      service_account_id: expression("each.key"),
      role: "roles/iam.serviceAccountUser",
      member: expression("google_service_account.function.member"),
    });
    const accounts = ["a", "b"].map((name) =>
      accountResource(`${name}@shop.iam.gserviceaccount.com`, "some-project"),
    );
    const given = { project: "some-project", region: "europe-west1", dataform_accounts: accounts };
    expect(new Evaluation(files, given).value(grant.for_each)).toEqual(accounts);
    expect(evaluation.value(grant.for_each)).toEqual([]);
  });

  test.each([
    ["a@shop.iam.gserviceaccount.com", "projects/shop/serviceAccounts/a@shop.iam.gserviceaccount.com"],
    [
      "a@shop.example.com.iam.gserviceaccount.com",
      "projects/example.com:shop/serviceAccounts/a@shop.example.com.iam.gserviceaccount.com",
    ],
    [
      "123-compute@developer.gserviceaccount.com",
      "projects/own/serviceAccounts/123-compute@developer.gserviceaccount.com",
    ],
  ])("the account %s is in its own project", (account, resource) =>
    expect(accountResource(account, "own")).toBe(resource),
  );

  test("has optional roles only where they are used", () => {
    const condition = (block: Block) => String(block.count ?? block.for_each);
    expect(condition(files.resource("google_project_iam_member.function_dataform"))).toMatch(
      /^\$\{var\.dataform \?/,
    );
    expect(condition(files.resource("google_project_iam_member.function_traces"))).toMatch(
      /^\$\{var\.tracing \?/,
    );
  });
});

test("what Google asks of load jobs is asked for, and so looked at and listed", () => {
  // https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#required_permissions
  expect(Object.keys({ ...permissions.bigQueryData.needs, ...permissions.bigQueryJobs.needs })).toEqual(
    expect.arrayContaining([
      "bigquery.tables.create",
      "bigquery.tables.updateData",
      "bigquery.tables.update",
      "bigquery.jobs.create",
    ]),
  );
});

test("to send traces by OTLP, the function may do that alone, and have it counted", () => {
  // https://cloud.google.com/trace/docs/iam: roles/cloudtrace.agent could patch traces besides.
  expect([...rolesOfTraces].sort()).toEqual([
    "roles/serviceusage.serviceUsageConsumer",
    "roles/telemetry.tracesWriter",
  ]);
});
