import * as z from "zod";
import type { ScheduledMessage, SchedulerChecks } from "../../ports/checks.ts";
import type { GoogleRest } from "../../ports/google-rest.ts";
import { mayBeEmpty } from "../remote/service-answer.ts";

const PageSchema = mayBeEmpty({
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

/** Looks at the jobs of one project and location. */
export class CloudSchedulerChecks implements SchedulerChecks {
  readonly #rest: GoogleRest;
  readonly #parent: string;

  constructor(rest: GoogleRest, { projectId, location }: { projectId: string; location: string }) {
    this.#rest = rest;
    this.#parent = `projects/${projectId}/locations/${location}`;
  }

  async messages(signal: AbortSignal): Promise<readonly ScheduledMessage[]> {
    const found: ScheduledMessage[] = [];
    for (let token: string | undefined = ""; token !== undefined; ) {
      const path: string = `/v1/${this.#parent}/jobs?pageSize=500&pageToken=${encodeURIComponent(token)}`;
      const page = await this.#rest.call({ method: "GET", path, answer: PageSchema, signal });
      for (const { pubsubTarget, ...job } of page.jobs)
        if (pubsubTarget)
          found.push({
            ...job,
            topic: pubsubTarget.topicName.split("/").at(-1) ?? "",
            message: Buffer.from(pubsubTarget.data, "base64").toString(),
          });
      token = page.nextPageToken || undefined;
    }
    return found;
  }
}
