import { expect, test } from "vitest";
import { consolePermissions } from "../../src/configuration/google-requirements.ts";
import { Evaluation } from "./evaluate.ts";
import { files, grants, memberOf, rolesOf } from "./grants.ts";
import { expression } from "./terraform-files.ts";

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
