import { expect, test } from "vitest";
import { commandsOf, doctorText } from "../../src/cli/deploy/doctor.ts";
import { deployment } from "./doctor-place.ts";

test("a queue that a workflow names has to have a topic and a subscription", async () => {
  const { diagnose } = await deployment({ queues: [] });
  const findings = await diagnose();
  expect(findings.wrong).toEqual([
    "failed pubsub.topic baton-queue-imports",
    "failed pubsub.subscription baton-queue-imports-push",
  ]);
  expect(findings.of("pubsub.topic", "baton-queue-imports").commands).toEqual([
    "gcloud pubsub topics create baton-queue-imports --project=test-project",
  ]);
  expect(findings.of("pubsub.subscription", "baton-queue-imports-push").commands).toEqual([
    "gcloud pubsub subscriptions create baton-queue-imports-push --topic=baton-queue-imports " +
      "--push-endpoint='<URL of the function>' " +
      "--push-auth-service-account=push@test-project.iam.gserviceaccount.com " +
      "--push-auth-token-audience=https://baton.example --ack-deadline=600 --min-retry-delay=10s " +
      "--max-retry-delay=600s --dead-letter-topic=baton-dead-letters --max-delivery-attempts=100 " +
      "--expiration-period=never --message-retention-duration=7d --project=test-project",
  ]);
});

test("a subscription whose topic was deleted is made anew", async () => {
  const { diagnose, pubsub, topic } = await deployment();
  await pubsub.publisher.deleteTopic({ topic: topic("baton-callbacks") });
  await pubsub.publisher.createTopic({ name: topic("baton-callbacks") });
  const found = (await diagnose()).of("pubsub.subscription", "baton-callbacks-push");
  expect(found).toMatchObject({ status: "failed", found: "of the topic _deleted-topic_" });
  expect(found.commands[0]).toBe(
    "gcloud pubsub subscriptions delete baton-callbacks-push --project=test-project",
  );
});

test("a push that waits longer than the lease finds workers that are alive and not believed", async () => {
  const { diagnose } = await deployment({ lease: "5m" });
  const found = (await diagnose()).of("pubsub.lease", "baton-control-push");
  expect(found).toMatchObject({ status: "failed", found: "BATON_LEASE is 300 s, the ack deadline 570 s" });
  expect(found.remedy).toContain("Set BATON_LEASE to 660s");
});

test("a push that waits no longer than the function runs comes again meanwhile", async () => {
  const { diagnose, change } = await deployment();
  await change("baton-control-push", { ackDeadlineSeconds: 60 });
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["failed pubsub.deadline baton-control-push"]);
  expect(findings.of("pubsub.deadline", "baton-control-push")).toMatchObject({
    found: "an ack deadline of 60 s",
    commands: [
      "gcloud pubsub subscriptions update baton-control-push --ack-deadline=600 --project=test-project",
    ],
  });
});

test("a subscription that expires, and one that keeps messages for a day, are told", async () => {
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
    commands: [
      "gcloud pubsub subscriptions update baton-control-push --expiration-period=never --project=test-project",
    ],
  });
});

test("a subscription that gives messages up within an hour is told, with the numbers of the infrastructure", async () => {
  const { diagnose, change, topic } = await deployment();
  const deadLetterTopic = topic("baton-dead-letters");
  await change("baton-control-push", { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 10 } });
  const findings = await diagnose();
  expect(findings.wrong).toEqual(["warning pubsub.dead-letter baton-control-push"]);
  expect(findings.of("pubsub.dead-letter", "baton-control-push")).toMatchObject({
    found: "baton-dead-letters after 10 attempts",
    expected: "baton-dead-letters after 100 attempts",
    deployCommand: null,
    commands: [
      "gcloud pubsub subscriptions update baton-control-push --dead-letter-topic=baton-dead-letters " +
        "--max-delivery-attempts=100 --project=test-project",
    ],
  });
});

test("what is missing is deployed; who has no Terraform creates it", async () => {
  const { diagnose } = await deployment({ queues: [] });
  const { results } = await diagnose();
  const deploy =
    "npx baton deploy --skip-function --project=test-project --region=europe-west1 --prefix=baton";
  const missing = results.filter(({ subject, status }) => status === "failed" && /imports/.test(subject));
  expect(missing.map(({ deployCommand }) => deployCommand)).toEqual([deploy, deploy]);
  const [first, ...others] = commandsOf(results);
  expect(first).toBe(deploy);
  expect(others).toHaveLength(2);
  for (const other of others) expect(other).toMatch(/^# without Terraform: gcloud pubsub /);
  const text = doctorText(results);
  expect(text).toContain(
    `\n           ${deploy}\n           # without Terraform: gcloud pubsub topics create`,
  );
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
    commands: [
      "gcloud pubsub subscriptions create baton-dead-letters --topic=baton-dead-letters " +
        "--expiration-period=never --message-retention-duration=31d --project=test-project",
    ],
  });
  await pubsub.publisher.deleteTopic({ topic: topic("baton-dead-letters") });
  const without = (await diagnose()).of("pubsub.dead-letter", "baton-dead-letters");
  expect(without.commands[0]).toBe("gcloud pubsub topics create baton-dead-letters --project=test-project");
});

test("pushes to nobody, without a token, for another audience or of another account are refused", async () => {
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
    commands: [
      "gcloud pubsub subscriptions modify-push-config baton-control-push " +
        `--push-endpoint=${pushEndpoint} --push-auth-service-account=${serviceAccountEmail} ` +
        "--push-auth-token-audience=https://baton.example --project=test-project",
    ],
  });
});
