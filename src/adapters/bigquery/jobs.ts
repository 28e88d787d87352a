import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { TaskTime } from "../../ports/task-runner.ts";
import { AnyObjectSchema } from "../remote/service-response.ts";
import type { BigQueryApi } from "./api.ts";
import { BigQueryRefusal } from "./errors.ts";
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
          /** Of a dry run: those that its query uses and does not declare. */
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

/** What a job is to do, as `jobs.insert` takes it. */
export type JobConfiguration = Readonly<Record<string, unknown>>;

export function isLoad({ configuration }: Job): boolean {
  return configuration.jobType === "LOAD";
}

export function isDone(job: Job): boolean {
  return job.status.state === "DONE";
}

/** Whether it has had its turn: until then it waits in the line of its project. */
function hasStarted(job: Job): boolean {
  return job.status.state !== "PENDING";
}

const maxPollMs = 2_000;
const firstPollMs = 50;

/** Jobs of a project in one location, by ids of ours. */
export class Jobs {
  readonly #api: BigQueryApi;
  readonly #projectId: string;
  readonly #location: (signal: AbortSignal) => Promise<string>;
  readonly #time: TaskTime;

  constructor(
    api: BigQueryApi,
    projectId: string,
    location: (signal: AbortSignal) => Promise<string>,
    time: TaskTime,
  ) {
    this.#api = api;
    this.#projectId = projectId;
    this.#location = location;
    this.#time = time;
  }

  async find(id: string, signal: AbortSignal): Promise<Job | undefined> {
    const location = await this.#location(signal);
    return this.#api.call("GET", `/jobs/${id}`, JobSchema, signal, { query: { location } });
  }

  /** Begins a job, or finds the one that has this id already: perhaps our own, whose answer was lost. */
  async begin(id: string, configuration: JobConfiguration, signal: AbortSignal): Promise<Job> {
    const jobReference = { ...(await this.#place(signal)), jobId: id };
    try {
      return this.#expect(id, await this.#insert({ jobReference, configuration }, signal));
    } catch (thrown) {
      if (!(thrown instanceof BigQueryRefusal) || thrown.status !== 409) throw thrown;
      return this.#expect(id, await this.find(id, signal));
    }
  }

  /** What a query would do, and give. It costs nothing. */
  async dryRun(configuration: JobConfiguration, signal: AbortSignal): Promise<Job> {
    const jobReference = await this.#place(signal);
    return this.#expect(
      "dry run",
      await this.#insert({ jobReference, configuration: { ...configuration, dryRun: true } }, signal),
    );
  }

  /**
   * The job when it has ended, or as it is after so long. While BigQuery has not begun it, it waits for the jobs of
   * others.
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
    seen: (latest: Job) => void,
  ): Promise<Job> {
    const endAt = performance.now() + forMs;
    let latest = job;
    for (let lookMs = firstPollMs; !isDone(latest); lookMs = Math.min(lookMs * 2, maxPollMs)) {
      const leftMs = endAt - performance.now();
      if (leftMs <= 0) break;
      await sleep(Math.min(lookMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
      latest = this.#expect(id, await this.find(id, signal));
      seen(latest);
    }
    return latest;
  }

  async cancel(id: string, signal: AbortSignal): Promise<void> {
    const location = await this.#location(signal);
    await this.#api.call("POST", `/jobs/${id}/cancel`, CancelledSchema, signal, { query: { location } });
  }

  async #place(signal: AbortSignal) {
    return { projectId: this.#projectId, location: await this.#location(signal) };
  }

  async #insert(body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Job | undefined> {
    return this.#api.call("POST", "/jobs", JobSchema, signal, { body });
  }

  #expect(id: string, job: Job | undefined): Job {
    if (!job) throw new BigQueryRefusal(404, { reason: "notFound", message: `Not found: Job ${id}` });
    return job;
  }
}
