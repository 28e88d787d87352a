import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { TaskTime } from "../../ports/task-runner.ts";
import { AnyObjectSchema } from "../remote/service-response.ts";
import type { BigQueryApi } from "./api.ts";
import { BigQueryRefusal } from "./api.ts";
import type { JobUpload } from "./job-upload.ts";
import type { ParameterTypeJson } from "./parameters.ts";

const count = z.coerce.number();
const ProblemSchema = z.object({
  reason: z.string().default(""),
  message: z.string().default(""),
  location: z.string().optional(),
});

const FieldSchema = z.looseObject({ name: z.string(), type: z.string(), mode: z.string().optional() });
export const SchemaSchema = z.object({ fields: z.array(FieldSchema).default([]) });
export type TableSchema = z.infer<typeof SchemaSchema>;

const ParameterTypeSchema: z.ZodType<ParameterTypeJson> = z.lazy(() =>
  z.object({
    type: z.string(),
    arrayType: ParameterTypeSchema.optional(),
    structTypes: z.array(z.object({ name: z.string().default(""), type: ParameterTypeSchema })).optional(),
  }),
);

const JobSchema = z.object({
  status: z.object({
    state: z.string(),
    errorResult: ProblemSchema.optional(),
    errors: z.array(ProblemSchema).default([]),
  }),
  configuration: z
    .object({ jobType: z.string().optional(), labels: z.record(z.string(), z.string()).default({}) })
    .default({ labels: {} }),
  statistics: z
    .object({
      completionRatio: z.number().optional(),
      load: z
        .object({
          outputRows: count.optional(),
          outputBytes: count.optional(),
        })
        .optional(),
      query: z
        .object({
          statementType: z.string().optional(),
          schema: SchemaSchema.optional(),
          totalBytesBilled: count.optional(),
          numDmlAffectedRows: count.optional(),
          /** Only of a dry run. */
          undeclaredQueryParameters: z
            .array(z.object({ name: z.string().optional(), parameterType: ParameterTypeSchema }))
            .default([]),
        })
        .optional(),
    })
    .default({}),
});
const CancelledSchema = z.object({ job: AnyObjectSchema });
export type Job = z.infer<typeof JobSchema>;

/** The `configuration` of `jobs.insert`. */
export type JobConfiguration = Readonly<Record<string, unknown>>;

/** What a job needs to start. */
export interface JobRequest {
  readonly configuration: JobConfiguration;
  /** What the job remembers, beside what Baton's runs add. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The content that a load job loads, if it is not an object of Cloud Storage. */
  readonly content?: () => AsyncIterable<Uint8Array>;
}

export function isLoad({ configuration }: Job): boolean {
  return configuration.jobType === "LOAD";
}

export function isDone(job: Job): boolean {
  return job.status.state === "DONE";
}

/** False while the job waits in the queue of its project. */
function hasStarted(job: Job): boolean {
  return job.status.state !== "PENDING";
}

const maxPollMs = 2_000;
const firstPollMs = 50;

/** Starts and follows jobs in one project and location, under ids that Baton chooses. */
export class Jobs {
  readonly #api: BigQueryApi;
  readonly #projectId: string;
  readonly #location: (signal: AbortSignal) => Promise<string>;
  readonly #time: TaskTime;
  readonly #upload: JobUpload;

  constructor(
    api: BigQueryApi,
    upload: JobUpload,
    projectId: string,
    location: (signal: AbortSignal) => Promise<string>,
    time: TaskTime,
  ) {
    this.#api = api;
    this.#upload = upload;
    this.#projectId = projectId;
    this.#location = location;
    this.#time = time;
  }

  async find(id: string, signal: AbortSignal): Promise<Job | undefined> {
    const location = await this.#location(signal);
    return this.#api.call("GET", `/jobs/${id}`, JobSchema, signal, { query: { location } });
  }

  /** Starts a job, or returns the one that has this id: another caller's, or our own, whose reply was lost. */
  async start(id: string, request: JobRequest, signal: AbortSignal): Promise<Job> {
    const jobReference = { ...(await this.#projectAndLocation(signal)), jobId: id };
    const { labels = {}, content } = request;
    const body = { jobReference, configuration: { ...request.configuration, labels } };
    try {
      if (content) return await this.#upload.start(body, content(), JobSchema, signal);
      return this.#requireJob(id, await this.#insert(body, signal));
    } catch (thrown) {
      if (!(thrown instanceof BigQueryRefusal) || thrown.status !== 409) throw thrown;
      return this.#requireJob(id, await this.find(id, signal));
    }
  }

  /** Describes what a query would do. It is free of charge. */
  async dryRun(configuration: JobConfiguration, signal: AbortSignal): Promise<Job> {
    const jobReference = await this.#projectAndLocation(signal);
    return this.#requireJob(
      "dry run",
      await this.#insert({ jobReference, configuration: { ...configuration, dryRun: true } }, signal),
    );
  }

  /**
   * Waits until the job has ended, at most `forMs`. Time that the job spends in BigQuery's queue, behind other jobs,
   * does not count as time of the task.
   */
  async wait(id: string, job: Job, forMs: number, signal: AbortSignal): Promise<Job> {
    const turn = hasStarted(job) ? undefined : this.#time.requestTurn();
    try {
      return await this.#wait(id, job, forMs, signal, (latest) => hasStarted(latest) && turn?.begin());
    } finally {
      turn?.end();
    }
  }

  async #wait(
    id: string,
    job: Job,
    forMs: number,
    signal: AbortSignal,
    onPoll: (latest: Job) => void,
  ): Promise<Job> {
    const endAt = performance.now() + forMs;
    let latest = job;
    for (let lookMs = firstPollMs; !isDone(latest); lookMs = Math.min(lookMs * 2, maxPollMs)) {
      const leftMs = endAt - performance.now();
      if (leftMs <= 0) break;
      await sleep(Math.min(lookMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
      latest = this.#requireJob(id, await this.find(id, signal));
      onPoll(latest);
    }
    return latest;
  }

  async cancel(id: string, signal: AbortSignal): Promise<void> {
    const location = await this.#location(signal);
    await this.#api.call("POST", `/jobs/${id}/cancel`, CancelledSchema, signal, { query: { location } });
  }

  async #projectAndLocation(signal: AbortSignal) {
    return { projectId: this.#projectId, location: await this.#location(signal) };
  }

  async #insert(body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Job | undefined> {
    return this.#api.call("POST", "/jobs", JobSchema, signal, { body });
  }

  #requireJob(id: string, job: Job | undefined): Job {
    if (!job) throw new BigQueryRefusal(404, { reason: "notFound", message: `Not found: Job ${id}` });
    return job;
  }
}
