import * as z from "zod";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicOf } from "../core/topics.ts";
import type { ScheduledMessage, SchedulerChecks } from "../ports/checks.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { gcloud } from "./gcloud.ts";

const kinds = ["sweep", "tick"] as const;
type Kind = (typeof kinds)[number];

/** Patterns of every minute. */
const everyMinute: ReadonlySet<string> = new Set([
  "* * * * *",
  "*/1 * * * *",
  "every 1 minutes",
  "every 1 mins",
]);

const MessageSchema = z.object({ kind: z.string() });

/** The jobs that publish a sweep and a tick every minute. */
export function schedulerGroup(context: CloudContext, checks: SchedulerChecks): CheckGroup {
  const { location } = context.google;
  return {
    id: "scheduler.sweep",
    subject: location || "BATON_LOCATION",
    service: "cloudscheduler.googleapis.com",
    async run(signal) {
      if (location === "")
        return [unknown("scheduler.sweep", "BATON_LOCATION", "it is missing", "Set BATON_LOCATION.")];
      const jobs = await checks.messages(signal);
      return kinds.map((kind) => judgeJob(context, kind, jobs));
    },
  };
}

function judgeJob({ google }: CloudContext, kind: Kind, jobs: readonly ScheduledMessage[]): CheckResult {
  const topic = topicOf(google.prefix, CONTROL_QUEUE);
  const subject = `${google.prefix}-${kind}`;
  const candidates = jobs.filter((job) => job.topic === topic && kindOf(job.message) === kind);
  const sound = candidates.find(
    ({ state, schedule }) => state === "ENABLED" && everyMinute.has(schedule.trim()),
  );
  const [first] = candidates;
  const name = first?.name.split("/").at(-1) ?? subject;
  const place = { location: google.location, project: google.projectId };
  return judge(`scheduler.${kind}`, {
    subject: name,
    holds: sound !== undefined,
    found: describe(sound ?? first),
    expected: `an ENABLED job that publishes {"kind":"${kind}"} to ${topic} every minute`,
    remedy: first ? "Correct the job." : "Deploy the job, or create it.",
    deployCommand: first ? null : deployCommand(google),
    commands: first
      ? [
          gcloud("scheduler jobs update pubsub", [name], { schedule: "* * * * *", ...place }),
          gcloud("scheduler jobs resume", [name], place),
        ]
      : [
          gcloud("scheduler jobs create pubsub", [subject], {
            schedule: "* * * * *",
            topic,
            "message-body": JSON.stringify({ kind }),
            ...place,
          }),
        ],
  });
}

function describe(job: ScheduledMessage | undefined): string {
  return job ? `${job.schedule}, ${job.state}` : "there is no such job";
}

/** Undefined for what is no message of Baton's. */
function kindOf(message: string): string | undefined {
  try {
    return MessageSchema.safeParse(JSON.parse(message)).data?.kind;
  } catch {
    return undefined;
  }
}
