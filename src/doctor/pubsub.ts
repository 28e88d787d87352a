import { permissions } from "../composition/permissions.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../core/messages.ts";
import { subscriptionOf, topicOf } from "../core/topics.ts";
import type { BrokerChecks } from "../ports/checks.ts";
import { type CheckGroup, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deadLetterGroup, deadLetterTopic } from "./dead-letters.ts";
import { deployCommand } from "./deploy-command.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";
import { createSubscription, judgeSubscription } from "./subscription.ts";

const service = "pubsub.googleapis.com";

/** Topics, who may publish to them, and their subscriptions. `queues`: those of tasks. */
export function pubSubGroups(
  context: CloudContext,
  checks: BrokerChecks,
  queues: readonly string[],
): CheckGroup[] {
  const topics = [CONTROL_QUEUE, CALLBACK_QUEUE, ...queues].map((queue) =>
    topicOf(context.google.prefix, queue),
  );
  return [
    deadLetterGroup(context, checks),
    ...topics.flatMap((topic) => [
      topicGroup(context, checks, topic),
      permissionGroup(context, checks, topic),
      subscriptionGroup(context, checks, topic),
    ]),
  ];
}

function topicGroup({ google }: CloudContext, checks: BrokerChecks, topic: string): CheckGroup {
  return {
    id: "pubsub.topic",
    subject: topic,
    service,
    async run() {
      const isThere = await checks.hasTopic(topic);
      return [
        judge("pubsub.topic", {
          subject: topic,
          holds: isThere,
          found: isThere ? "it is there" : "there is no such topic",
          expected: "a topic",
          remedy: "Deploy it, or create it.",
          deployCommand: deployCommand(google),
          commands: [gcloud("pubsub topics create", [topic], { project: google.projectId })],
        }),
      ];
    },
  };
}

function permissionGroup(context: CloudContext, checks: BrokerChecks, topic: string): CheckGroup {
  const set = permissions.pubSub;
  return {
    id: "pubsub.permissions",
    subject: topic,
    service,
    async run() {
      // What is not there has no permissions either, and is told already.
      if (!(await checks.hasTopic(topic))) return [];
      const granted = await checks.permissions(topic, Object.keys(set.needs));
      const grant = (member: string, role: string) =>
        gcloud("pubsub topics add-iam-policy-binding", [topic], {
          member,
          role,
          project: context.google.projectId,
        });
      const asked = { subject: topic, set, granted, caller: context.caller, grant };
      return [judgePermissions("pubsub.permissions", asked)];
    },
  };
}

function subscriptionGroup(context: CloudContext, checks: BrokerChecks, topic: string): CheckGroup {
  const subject = subscriptionOf(topic);
  return {
    id: "pubsub.subscription",
    subject,
    service,
    async run() {
      const found = await checks.subscription(subject);
      const isMissing = found === undefined;
      const exists = judge("pubsub.subscription", {
        subject,
        holds: found?.topic === topic,
        found: isMissing ? "there is no such subscription" : `of the topic ${found.topic}`,
        expected: `of the topic ${topic}`,
        remedy: `${isMissing ? "Deploy it, or create it" : "Delete it and create it anew"}: what is published meanwhile is lost.`,
        deployCommand: isMissing ? deployCommand(context.google) : null,
        commands: [
          ...(isMissing
            ? []
            : [gcloud("pubsub subscriptions delete", [subject], { project: context.google.projectId })]),
          createSubscription(context, topic, deadLetterTopic(context)),
        ],
      });
      return isMissing
        ? [exists]
        : [exists, ...judgeSubscription(context, topic, found, deadLetterTopic(context))];
    },
  };
}
