import { expect, test } from "vitest";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../../src/core/messages.ts";
import { subscriptionName, topicName } from "../../src/core/queues.ts";
import { NameSchema } from "../../src/core/values/text.ts";
import { Evaluation } from "./evaluate.ts";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const queues = ["default", "documents", "Web_sites-2"];
const evaluation = new Evaluation(files, {
  project: "some-project",
  region: "europe-west1",
  prefix: "test-env",
  queues,
  projectNumber: "123456789012",
});
const topics = [CONTROL_QUEUE, CALLBACK_QUEUE, ...queues].map((queue) => topicName("test-env", queue));

test("there is a topic for each queue, for callbacks and for control messages, under the broker's names", () => {
  expect(files.resource("google_pubsub_topic.this")).toMatchObject({
    for_each: expression("local.topics"),
    name: expression("each.key"),
  });
  expect(evaluation.local("topics")).toEqual([...topics].sort());
  expect(evaluation.local("control_topic")).toBe(topicName("test-env", CONTROL_QUEUE));
});

test("every topic has its push subscription, under the name that the doctor looks for", () => {
  const { for_each, name, topic } = files.resource("google_pubsub_subscription.push");
  expect(for_each).toBe(expression("local.topics"));
  expect(topic).toBe(expression("google_pubsub_topic.this[each.key].id"));
  for (const id of topics) expect(evaluation.value(name, { "each.key": id })).toBe(subscriptionName(id));
});

test("pushes go to the function, and their token is for it and of the account that it believes", () => {
  const push = inner(files.resource("google_pubsub_subscription.push"), "push_config");
  const url = "https://test-env-123456789012.europe-west1.run.app";
  expect(evaluation.value(push.push_endpoint)).toBe(url);
  const token = inner(push, "oidc_token");
  expect(evaluation.value(token.audience)).toBe(url);
  expect(evaluation.value(token.service_account_email)).toBe(
    "test-env-push@some-project.iam.gserviceaccount.com",
  );
});

test("no push subscription, and not that of dead letters, ever expires", () => {
  const subscriptions = files.resources.filter(({ type }) => type === "google_pubsub_subscription");
  expect(subscriptions.map(({ name }) => name).sort()).toEqual(["dead_letters", "push"]);
  for (const { block } of subscriptions) expect(inner(block, "expiration_policy")).toEqual({ ttl: "" });
});

test("messages outlive a function that is out of order for a week, and dead letters a month", () => {
  const seconds = (address: string) =>
    Number.parseInt(String(files.resource(address).message_retention_duration), 10);
  expect(seconds("google_pubsub_subscription.push")).toBeGreaterThanOrEqual(7 * 86_400);
  expect(seconds("google_pubsub_subscription.dead_letters")).toBe(31 * 86_400);
});

test("Pub/Sub moves undeliverable messages to a topic with a subscription, and may do so", () => {
  const policy = inner(files.resource("google_pubsub_subscription.push"), "dead_letter_policy");
  expect(policy.dead_letter_topic).toBe(expression("google_pubsub_topic.dead_letters.id"));
  expect(evaluation.value(files.resource("google_pubsub_topic.dead_letters").name)).toBe(
    "test-env-dead-letters",
  );
  const kept = files.resource("google_pubsub_subscription.dead_letters");
  expect(kept.topic).toBe(expression("google_pubsub_topic.dead_letters.id"));
  expect(kept).not.toHaveProperty("push_config");
  expect(files.resource("google_pubsub_topic_iam_member.dead_letters_publisher")).toMatchObject({
    topic: expression("google_pubsub_topic.dead_letters.id"),
    role: "roles/pubsub.publisher",
    member: expression("local.pubsub_agent"),
  });
  expect(files.resource("google_pubsub_subscription_iam_member.dead_letters_subscriber")).toMatchObject({
    for_each: expression("local.topics"),
    subscription: expression("google_pubsub_subscription.push[each.key].name"),
    role: "roles/pubsub.subscriber",
    member: expression("local.pubsub_agent"),
  });
  expect(evaluation.local("pubsub_agent")).toBe(
    "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
  );
});

test("failed pushes are repeated with pauses", () => {
  const policy = inner(files.resource("google_pubsub_subscription.push"), "retry_policy");
  expect(policy).toEqual({ minimum_backoff: "10s", maximum_backoff: "600s" });
});

test("the queue of later messages has the name that the timer schedules in, and is patient", () => {
  const queue = files.resource("google_cloud_tasks_queue.timers");
  expect(evaluation.value(queue.name)).toBe("test-env-timers");
  expect(inner(queue, "retry_config")).toMatchObject({ max_attempts: 100, max_backoff: "300s" });
});

test("a sweep and a tick are published to the control topic every minute", () => {
  const job = files.resource("google_cloud_scheduler_job.minute");
  expect(evaluation.value(job.for_each)).toEqual(["sweep", "tick"]);
  expect(job.schedule).toBe("* * * * *");
  expect(evaluation.value(job.name, { "each.key": "tick" })).toBe("test-env-tick");
  expect(inner(job, "pubsub_target")).toEqual({
    topic_name: expression("google_pubsub_topic.this[local.control_topic].id"),
    data: expression("base64encode(jsonencode({ kind = each.key }))"),
  });
  expect(job).not.toHaveProperty("paused");
});

test("files that are written to the inbox are announced at the control topic, where workflows wait for files", () => {
  expect(files.resource("google_storage_notification.inbox")).toMatchObject({
    count: expression("var.file_triggers ? 1 : 0"),
    bucket: expression("local.inbox_bucket"),
    topic: expression("google_pubsub_topic.this[local.control_topic].id"),
    payload_format: "JSON_API_V1",
    event_types: ["OBJECT_FINALIZE"],
    depends_on: expect.arrayContaining([expression("google_pubsub_topic_iam_member.inbox_publisher")]),
    lifecycle: [
      {
        precondition: [
          expect.objectContaining({ condition: expression("local.inbox_bucket != local.bucket") }),
        ],
      },
    ],
  });
});

test("queues may have the names that tasks may give them, and no others", () => {
  const [validation] = files.variables.queues?.validation ?? [];
  const [, pattern = ""] = /regex\("([^"]+)", queue\)/.exec(validation?.condition ?? "") ?? [];
  const allowed = new RegExp(pattern);
  for (const name of [
    "default",
    "a",
    "0",
    "Web_sites-2",
    "x".repeat(64),
    "x".repeat(65),
    "",
    "-a",
    "a b",
    "a.b",
    "$control",
  ])
    expect([name, allowed.test(name)]).toEqual([name, NameSchema.safeParse(name).success]);
});
