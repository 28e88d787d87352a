import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import { tryParseJson } from "../core/values/json.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import { type CloudContext, deployCommand, gcloud, idOf, readPages } from "./google.ts";

const JobsSchema = sparseObject({
  jobs: z
    .array(
      z.object({
        name: z.string(),
        schedule: z.string().default(""),
        state: z.string().default(""),
        pubsubTarget: z.object({ topicName: z.string(), data: z.string().default("") }).optional(),
      }),
    )
    .default([]),
  nextPageToken: z.string().optional(),
});
type Job = z.infer<typeof JobsSchema>["jobs"][number];

const everyMinute: ReadonlySet<string> = new Set([
  "* * * * *",
  "*/1 * * * *",
  "every 1 minutes",
  "every 1 mins",
]);

const MessageSchema = z.object({ kind: z.string() });

/** The jobs that publish a sweep and a tick every minute. */
export function schedulerGroup(context: CloudContext): CheckGroup {
  const { location, projectId } = context.google;
  return {
    id: "scheduler.sweep",
    subject: location || "BATON_LOCATION",
    service: "cloudscheduler.googleapis.com",
    async run(signal) {
      if (location === "")
        return [unknown("scheduler.sweep", "BATON_LOCATION", "it is missing", "Set BATON_LOCATION.")];
      const path = `/v1/projects/${projectId}/locations/${location}/jobs?pageSize=500`;
      const pages = await readPages(context.services.scheduler, path, JobsSchema, signal);
      const jobs = pages.flatMap((page) => page.jobs);
      return (["sweep", "tick"] as const).map((kind) => checkJob(context, kind, jobs));
    },
  };
}

function checkJob({ google }: CloudContext, kind: "sweep" | "tick", jobs: readonly Job[]): CheckResult {
  const topic = topicName(google.prefix, CONTROL_QUEUE);
  const candidates = jobs.filter(({ pubsubTarget: target }) => {
    if (!target || idOf(target.topicName) !== topic) return false;
    const message = tryParseJson(Buffer.from(target.data, "base64").toString());
    return MessageSchema.safeParse(message).data?.kind === kind;
  });
  const sound = candidates.find(
    ({ state, schedule }) => state === "ENABLED" && everyMinute.has(schedule.trim()),
  );
  const [first] = candidates;
  const job = sound ?? first;
  const subject = first ? idOf(first.name) : `${google.prefix}-${kind}`;
  const place = { location: google.location, project: google.projectId };
  const schedule = "* * * * *";
  return judge(`scheduler.${kind}`, {
    subject,
    holds: sound !== undefined,
    found: job ? `${job.schedule}, ${job.state}` : "there is no such job",
    expected: `an ENABLED job that publishes {"kind":"${kind}"} to ${topic} every minute`,
    remedy: first ? "Correct the job." : "Deploy the job, or create it.",
    deployCommand: first ? null : deployCommand(google),
    commands: first
      ? [
          gcloud("scheduler jobs update pubsub", [subject], { schedule, ...place }),
          gcloud("scheduler jobs resume", [subject], place),
        ]
      : [
          gcloud("scheduler jobs create pubsub", [subject], {
            schedule,
            topic,
            "message-body": JSON.stringify({ kind }),
            ...place,
          }),
        ],
  });
}
