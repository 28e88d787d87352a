import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import { deliverySettings, permissions } from "../configuration/google-requirements.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import { daySeconds } from "../core/values/time.ts";
import { type CheckGroup, judge } from "./check.ts";
import {
  type CloudContext,
  deployCommand,
  gcloud,
  grantedPermissions,
  idOf,
  permissionGroup,
  resourceGroup,
  undefinedIfMissing,
} from "./google.ts";
import {
  checkExpiration,
  deadLetterTopicOf,
  neverFlag,
  pubSubPath,
  readSubscription,
  subscriptionGroup,
} from "./subscription.ts";

const service = "pubsub.googleapis.com";

const NamedSchema = z.object({ name: z.string() });

/** Topics, who may publish to them, and their subscriptions. `queues`: those of tasks. */
export function pubSubGroups(context: CloudContext, queues: readonly string[]): CheckGroup[] {
  const { prefix } = context.google;
  const topics = [CONTROL_QUEUE, CALLBACK_QUEUE, ...queues].map((queue) => topicName(prefix, queue));
  return [deadLetterGroup(context), ...topics.flatMap((topic) => topicGroups(context, topic))];
}

function topicGroups(context: CloudContext, topic: string): CheckGroup[] {
  const { projectId: project } = context.google;
  const rest = context.services.pubSub;
  const set = permissions.pubSub;
  const exists = resourceGroup(context, {
    id: "pubsub.topic",
    subject: topic,
    service,
    rest,
    path: pubSubPath(context, "topics", topic),
    answer: NamedSchema,
    kind: "topic",
    remedy: "Deploy it, or create it.",
    create: gcloud("pubsub topics create", [topic], { project }),
  });
  const permission = permissionGroup(context, "pubsub.permissions", {
    subject: topic,
    service,
    set,
    granted: (signal) =>
      undefinedIfMissing(grantedPermissions(rest, pubSubPath(context, "topics", topic), set, signal)),
    grant: (member, role) =>
      gcloud("pubsub topics add-iam-policy-binding", [topic], { member, role, project }),
  });
  return [exists, permission, subscriptionGroup(context, topic)];
}

const ListSchema = sparseObject({ subscriptions: z.array(z.string()).default([]) });

/** The topic of messages that always fail. Its subscriptions must not expire before a person reads them. */
function deadLetterGroup(context: CloudContext): CheckGroup {
  const subject = deadLetterTopicOf(context);
  const { projectId: project } = context.google;
  const path = `${pubSubPath(context, "topics", subject)}/subscriptions`;
  return {
    id: "pubsub.dead-letter",
    subject,
    service,
    async run(signal) {
      const list = context.services.pubSub.call({ method: "GET", path, answer: ListSchema, signal });
      const names = (await undefinedIfMissing(list))?.subscriptions.map(idOf);
      const exists = judge("pubsub.dead-letter", {
        subject,
        holds: names !== undefined && names.length > 0,
        found: names ? `subscriptions: ${names.join(", ") || "none"}` : "there is no such topic",
        expected: "a topic with a subscription: without one, what comes to it is lost",
        remedy: "Deploy what is missing, or create it.",
        deployCommand: deployCommand(context.google),
        commands: [
          ...(names ? [] : [gcloud("pubsub topics create", [subject], { project })]),
          gcloud("pubsub subscriptions create", [subject], {
            topic: subject,
            ...neverFlag,
            "message-retention-duration": `${deliverySettings.deadLetters.retentionSeconds / daySeconds}d`,
            project,
          }),
        ],
      });
      const expirations = await Promise.all(
        (names ?? []).map(async (name) => {
          const found = await readSubscription(context, name, signal);
          return found ? [checkExpiration(name, found, project)] : [];
        }),
      );
      return [exists, ...expirations.flat()];
    },
  };
}
