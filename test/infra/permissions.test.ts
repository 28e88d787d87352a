import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import {
  consolePermissions,
  databaseCondition,
  permissions,
} from "../../src/configuration/google-requirements.ts";
import { accountResource } from "../../src/tasks/dataform.ts";
import { Evaluation } from "./evaluate.ts";
import { type Block, expression, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const evaluation = new Evaluation(files, { project: "some-project", region: "europe-west1", tracing: true });
const rolesOfTraces = [
  ...readFileSync(new URL("../../docs/tracing.md", import.meta.url), "utf8").matchAll(/--role (\S+)/g),
].map(([, role]) => role ?? "");

const ConditionSchema = z.object({ expression: z.string(), title: z.string() });

interface Grant {
  readonly address: string;
  readonly type: string;
  readonly role: string;
  readonly member: string;
}

const grants = files.resources
  .filter(({ type }) => /_iam_/.test(type))
  .flatMap(({ type, name, block }) => {
    const roles = block.role === expression("each.key") ? evaluation.value(block.for_each) : [block.role];
    if (!Array.isArray(roles)) throw new Error(`The roles of ${name} are no list`);
    return roles.map(
      (role): Grant => ({
        address: `${type}.${name}`,
        type,
        role: String(role),
        member: String(block.member),
      }),
    );
  });

/** The console's account is there only if there is a console. */
function memberOf(account: string) {
  return expression(`google_service_account.${account === "console" ? "console[0]" : account}.member`);
}

function rolesOf(account: string): readonly string[] {
  const member = memberOf(account);
  return grants.filter((grant) => grant.member === member).map(({ role }) => role);
}

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

/** Roles of all others, each with its reason. */
const others: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  push: {},
  deployer: {
    "roles/run.sourceDeveloper": "gcloud run deploy --source",
    "roles/serviceusage.serviceUsageConsumer": "calls count against the project",
    "roles/logging.logWriter": "a build with an account of its own logs by it",
    "roles/datastore.user": "the smoke test: baton run",
    "roles/pubsub.publisher": "the smoke test: baton run",
    "roles/storage.objectUser": "the smoke test: baton run",
    "roles/iam.serviceAccountUser":
      "to deploy what runs as another account, to build by one, and for tasks of queues that have limits",
    "roles/cloudtasks.enqueuer": "the smoke test: baton run, into queues that have limits",
    "roles/cloudtasks.viewer": "the smoke test: baton run, into queues that have limits",
    "roles/artifactregistry.reader": "to deploy an image",
  },
  build: {
    "roles/run.builder": "to build from source",
  },
  console: {
    "roles/datastore.viewer": "to read documents",
    "roles/storage.objectViewer": "to show large results",
    "roles/datastore.user": "operators: as the commands",
    "roles/storage.objectUser": "operators: as the commands",
    "roles/pubsub.publisher": "operators: as the commands",
    "roles/cloudtasks.enqueuer": "operators: baton run, into queues that have limits",
    "roles/cloudtasks.viewer": "operators: baton run, into queues that have limits",
    "roles/iam.serviceAccountUser": "operators: tasks of queues that have limits call the function",
  },
};

test("the console has an account only if there is one, and may change something only if operators are named", () => {
  const given = { project: "some-project", region: "europe-west1" };
  const countOf = (address: string, more: object) => {
    const { count, for_each } = files.resource(address);
    return new Evaluation(files, { ...given, ...more }).value(count ?? for_each);
  };
  const reads = ["google_project_iam_member.console_reads_firestore"];
  reads.push("google_storage_bucket_iam_member.console_reads_objects", "google_service_account.console");
  const acts = [
    "google_project_iam_member.console_writes_firestore",
    "google_storage_bucket_iam_member.console_writes_objects",
  ];
  for (const address of [...reads, ...acts]) expect(countOf(address, {})).toBe(0);
  for (const address of reads) expect(countOf(address, { console: true })).toBe(1);
  for (const address of acts) {
    expect(countOf(address, { console: true })).toBe(0);
    expect(countOf(address, { console: true, console_acts: true })).toBe(1);
  }
  const roles = Object.values(consolePermissions).flatMap((each) => [...each.roles]);
  expect(roles).toEqual(["roles/datastore.viewer", "roles/storage.objectViewer"]);
  for (const name of ["console_reads_firestore", "console_writes_firestore"])
    expect(files.resource(`google_project_iam_member.${name}`)).toMatchObject({
      condition: [{ expression: expression("local.this_database.expression") }],
    });
});

test.each(Object.entries(others))("the account %s has the roles it needs and no other", (account, roles) => {
  expect([...new Set(rolesOf(account))].sort()).toEqual(Object.keys(roles).sort());
});

test("there is no account, and no member, beside those", () => {
  const accounts = files.resources.filter(({ type }) => type === "google_service_account");
  expect(accounts.map(({ name }) => name).sort()).toEqual(["function", ...Object.keys(others)].sort());
  const ours = accounts.map(({ name }) => memberOf(name));
  const agents = grants.filter(({ member }) => !ours.includes(member));
  expect(agents.map(({ address, role, member }) => [address, role, member])).toEqual(
    expect.arrayContaining([
      [
        "google_service_account_iam_member.push_token",
        "roles/iam.serviceAccountOpenIdTokenCreator",
        expression("local.pubsub_agent"),
      ],
      [
        "google_pubsub_topic_iam_member.dead_letters_publisher",
        "roles/pubsub.publisher",
        expression("local.pubsub_agent"),
      ],
      [
        "google_pubsub_subscription_iam_member.dead_letters_subscriber",
        "roles/pubsub.subscriber",
        expression("local.pubsub_agent"),
      ],
      [
        "google_pubsub_topic_iam_member.inbox_publisher",
        "roles/pubsub.publisher",
        expression("local.storage_agent"),
      ],
    ]),
  );
  expect(agents).toHaveLength(4);
});

test("Pub/Sub may sign identity tokens of the push account only", () => {
  expect(files.resource("google_service_account_iam_member.push_token").service_account_id).toBe(
    expression("google_service_account.push.name"),
  );
});

test("no role is a basic one, or one that may grant roles, and nothing is granted to everybody", () => {
  for (const { role } of grants) {
    expect(role).toMatch(/^roles\/[a-z]+\.[a-zA-Z]+$/);
    expect(role).not.toMatch(/^roles\/(owner|editor|viewer)$|admin$/i);
  }
  for (const [name, text] of files.texts) {
    expect([name, text.match(/allUsers|allAuthenticatedUsers|roles\/(owner|editor|viewer)\b/g)]).toEqual([
      name,
      null,
    ]);
    expect([name, text.match(/"(?:domain|principalSet|projectOwner|projectEditor|projectViewer):/g)]).toEqual(
      [name, null],
    );
  }
});

test("a grant adds a member to a role, and removes no other", () => {
  const kinds = files.resources.map(({ type }) => type).filter((type) => /iam|access|acl/.test(type));
  expect(kinds.filter((type) => !type.endsWith("_iam_member"))).toEqual([]);
});

test("no account gets a key", () => {
  expect(files.resources.filter(({ type }) => type === "google_service_account_key")).toEqual([]);
});
