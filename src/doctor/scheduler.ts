import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import { tryParseJson } from "../core/values/json.ts";
import { type CheckGroup, type CheckResult, checkResult, unknownResult } from "./check.ts";
import { type CloudContext, gcloud, readPages, resourceId, serviceHosts } from "./google.ts";

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

const everyMinute = /^(?:\* \* \* \* \*|\*\/1 \* \* \* \*|every 1 min(?:ute)?s)$/;

const MessageSchema = z.object({ kind: z.string() });

/** The jobs that publish a sweep and a tick every minute. */
export function schedulerGroup({ google, services }: CloudContext): CheckGroup {
  const { location, projectId } = google;
  return {
    id: "scheduler.sweep",
    subject: location || "BATON_LOCATION",
    service: serviceHosts.scheduler,
    async run(signal) {
      if (location === "")
        return [unknownResult("scheduler.sweep", "BATON_LOCATION", "it is missing", "Set BATON_LOCATION.")];
      const path = `/v1/projects/${projectId}/locations/${location}/jobs?pageSize=500`;
      const jobs = (await readPages(services.scheduler, path, JobsSchema, signal)).flatMap(
        (page) => page.jobs,
      );
      return (["sweep", "tick"] as const).map((kind) => checkJob(google, kind, jobs));
    },
  };
}

function checkJob(google: CloudContext["google"], kind: "sweep" | "tick", jobs: readonly Job[]): CheckResult {
  const topic = topicName(google.prefix, CONTROL_QUEUE);
  const candidates = jobs.filter(({ pubsubTarget: target }) => {
    if (!target || resourceId(target.topicName) !== topic) return false;
    const message = tryParseJson(Buffer.from(target.data, "base64").toString());
    return MessageSchema.safeParse(message).data?.kind === kind;
  });
  const isRight = ({ state, schedule }: Job) => state === "ENABLED" && everyMinute.test(schedule.trim());
  const [first] = candidates;
  const job = candidates.find(isRight) ?? first;
  const subject = first ? resourceId(first.name) : `${google.prefix}-${kind}`;
  const place = { location: google.location, project: google.projectId };
  return checkResult(`scheduler.${kind}`, subject, {
    holds: job !== undefined && isRight(job),
    found: job ? `${job.schedule}, ${job.state}` : "there is no such job",
    expected: `an ENABLED job that publishes {"kind":"${kind}"} to ${topic} every minute`,
    // A deployment does not resume a paused job.
    commands: job && job.state !== "ENABLED" ? [gcloud("scheduler jobs resume", [subject], place)] : [],
  });
}
