import { expect, test } from "vitest";
import { doctorText, fixCommands } from "../../src/cli/deploy/deploy.ts";
import { deployment } from "./doctor-place.ts";

const deploy = "npx baton deploy --skip-function --project=test-project --region=europe-west1 --prefix=baton";

test("a queue that a workflow names has to have a topic and a subscription", async () => {
  const { diagnose } = await deployment({ queues: [] });
  const findings = await diagnose();
  expect(findings.wrong).toEqual([
    "failed pubsub.topic baton-queue-imports",
    "failed pubsub.subscription baton-queue-imports-push",
  ]);
});

test("a subscription whose topic was deleted is created again", async () => {
  const { diagnose, pubsub, topic } = await deployment();
  await pubsub.publisher.deleteTopic({ topic: topic("baton-callbacks") });
  await pubsub.publisher.createTopic({ name: topic("baton-callbacks") });
  const found = (await diagnose()).of("pubsub.subscription", "baton-callbacks-push");
  expect(found).toMatchObject({ status: "failed", found: "of the topic _deleted-topic_" });
  expect(found.commands).toEqual([
    "gcloud pubsub subscriptions delete baton-callbacks-push --project=test-project",
  ]);
  expect(found.deployCommand).toBe(deploy);
});

test("a lease shorter than a push is reported", async () => {
  const { diagnose } = await deployment({ lease: "5m" });
  const found = (await diagnose()).of("pubsub.lease", "baton-control-push");
  expect(found).toMatchObject({ status: "failed", found: "BATON_LEASE is 300 s, the ack deadline 570 s" });
  expect(found.remedy).toContain("Set BATON_LEASE to 660s");
});

test("an ack deadline shorter than the function's timeout is reported", async () => {
  const { diagnose, change } = await deployment();
  await change("baton-control-push", { ackDeadlineSeconds: 60 });
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["failed pubsub.deadline baton-control-push"]);
  expect(findings.of("pubsub.deadline", "baton-control-push")).toMatchObject({
    found: "an ack deadline of 60 s",
    deployCommand: deploy,
    commands: [],
  });
});

test("a subscription that expires, and one that keeps messages for a day, are reported", async () => {
  const { diagnose, change } = await deployment();
  await change("baton-control-push", {
    expirationPolicy: { ttl: { seconds: 31 * 86_400 } },
    messageRetentionDuration: { seconds: 86_400 },
  });
  await change("baton-dead-letters", { expirationPolicy: { ttl: { seconds: 31 * 86_400 } } });
  const findings = await diagnose();
  expect(findings.wrong.toSorted()).toEqual([
    "failed pubsub.expiration baton-control-push",
    "failed pubsub.expiration baton-dead-letters",
    "warning pubsub.retention baton-control-push",
  ]);
  expect(findings.of("pubsub.expiration", "baton-control-push")).toMatchObject({
    found: "after 31 days idle",
    deployCommand: deploy,
  });
});

test("a subscription that drops messages within an hour is reported, with the infrastructure's numbers", async () => {
  const { diagnose, change, topic } = await deployment();
  const deadLetterTopic = topic("baton-dead-letters");
  await change("baton-control-push", { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 10 } });
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["warning pubsub.dead-letter baton-control-push"]);
  expect(findings.of("pubsub.dead-letter", "baton-control-push")).toMatchObject({
    found: "baton-dead-letters after 10 attempts",
    expected: "baton-dead-letters after 100 attempts",
    deployCommand: deploy,
  });
});

test("one deployment creates everything that is missing", async () => {
  const { diagnose } = await deployment({ queues: [] });
  const { results } = await diagnose();
  const missing = results.filter(({ subject, status }) => status === "failed" && /imports/.test(subject));
  expect(missing.map(({ deployCommand }) => deployCommand)).toEqual([deploy, deploy]);
  expect(fixCommands(results)).toEqual([deploy]);
  expect(doctorText(results)).toContain(`\n           ${deploy}\n`);
});

test("dead letters need a topic, a subscription of it, and the policy", async () => {
  const { diagnose, change, pubsub, subscription, topic } = await deployment();
  await pubsub.subscriber.deleteSubscription({ subscription: subscription("baton-dead-letters") });
  await change("baton-control-push", { deadLetterPolicy: null, retryPolicy: null });
  const findings = await diagnose();
  expect(findings.wrong.toSorted()).toEqual([
    "failed pubsub.dead-letter baton-control-push",
    "failed pubsub.dead-letter baton-dead-letters",
    "warning pubsub.retry baton-control-push",
  ]);
  expect(findings.of("pubsub.dead-letter", "baton-dead-letters")).toMatchObject({
    found: "subscriptions: none",
    deployCommand: deploy,
  });
  await pubsub.publisher.deleteTopic({ topic: topic("baton-dead-letters") });
  const without = (await diagnose()).of("pubsub.dead-letter", "baton-dead-letters");
  expect(without).toMatchObject({ status: "failed", found: "there is no such topic" });
});

test("a missing endpoint, pushes without a token, for another audience or of another account are refused", async () => {
  const { diagnose, change } = await deployment();
  const pushEndpoint = "https://function.example";
  const serviceAccountEmail = "push@test-project.iam.gserviceaccount.com";
  const pushConfig = { pushEndpoint, oidcToken: { serviceAccountEmail, audience: "https://old.example" } };
  await change("baton-control-push", { pushConfig });
  await change("baton-callbacks-push", { pushConfig: { pushEndpoint } });
  await change("baton-queue-default-push", {
    pushConfig: {
      pushEndpoint,
      oidcToken: {
        serviceAccountEmail: "other@test-project.iam.gserviceaccount.com",
        audience: "https://baton.example",
      },
    },
  });
  await change("baton-queue-imports-push", { pushConfig: null });
  const findings = await diagnose();
  expect(findings.wrong.toSorted()).toEqual([
    "failed pubsub.endpoint baton-queue-imports-push",
    "failed pubsub.token baton-callbacks-push",
    "failed pubsub.token baton-control-push",
    "failed pubsub.token baton-queue-default-push",
    "failed pubsub.token baton-queue-imports-push",
  ]);
  expect(findings.of("pubsub.token", "baton-control-push")).toMatchObject({
    found: `of ${serviceAccountEmail} for https://old.example`,
    expected: `of ${serviceAccountEmail} (BATON_CALLERS) for https://baton.example (BATON_AUDIENCE)`,
    deployCommand: deploy,
  });
});
