import type { BrokerChecks } from "../ports/checks.ts";
import { type CheckGroup, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { judgeExpiration } from "./expiration.ts";
import { gcloud } from "./gcloud.ts";

export function deadLetterTopic({ google }: CloudContext): string {
  return `${google.prefix}-dead-letters`;
}

/** The topic of messages that always fail, which nobody may ever read: its subscriptions must outlive that. */
export function deadLetterGroup(context: CloudContext, checks: BrokerChecks): CheckGroup {
  const topic = deadLetterTopic(context);
  const { projectId } = context.google;
  return {
    id: "pubsub.dead-letter",
    subject: topic,
    service: "pubsub.googleapis.com",
    async run() {
      const names = await checks.subscriptionsOf(topic);
      const exists = judge("pubsub.dead-letter", {
        subject: topic,
        holds: names !== undefined && names.length > 0,
        found: names ? `subscriptions: ${names.join(", ") || "none"}` : "there is no such topic",
        expected: "a topic with a subscription: without one, what comes to it is lost",
        remedy: "Deploy what is missing, or create it.",
        deployCommand: deployCommand(context.google),
        commands: commands(topic, projectId, names !== undefined),
      });
      const expirations = (names ?? []).map(async (name) =>
        judgeExpiration(name, await checks.subscription(name), projectId),
      );
      return [exists, ...(await Promise.all(expirations)).flat()];
    },
  };
}

function commands(topic: string, project: string, hasTopic: boolean): string[] {
  const subscription = gcloud("pubsub subscriptions create", [topic], {
    topic,
    "expiration-period": "never",
    "message-retention-duration": "31d",
    project,
  });
  return [...(hasTopic ? [] : [gcloud("pubsub topics create", [topic], { project })]), subscription];
}
