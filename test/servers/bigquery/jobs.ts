import * as z from "zod";
import type { Meter } from "../kit/meter.ts";
import { type Database, qualified, type Selected } from "./database.ts";
import { BigQueryProblem, notFound, ofQuery } from "./problems.ts";
import { LoadSchema, type ReadObject, runLoad } from "./run-load.ts";
import { describe, leastBilledBytes, QuerySchema, runQuery } from "./run-query.ts";

const ReferenceSchema = z.object({ datasetId: z.string(), tableId: z.string() });
export const InsertSchema = z.object({
  jobReference: z.object({ jobId: z.string().optional(), location: z.string().optional() }).default({}),
  configuration: z.object({
    dryRun: z.boolean().default(false),
    labels: z.record(z.string(), z.string()).default({}),
    query: QuerySchema.optional(),
    load: LoadSchema.optional(),
    copy: z
      .object({
        sourceTable: ReferenceSchema,
        destinationTable: ReferenceSchema,
        writeDisposition: z.string(),
      })
      .optional(),
  }),
});
type Configuration = z.infer<typeof InsertSchema>["configuration"];
type Statistics = Readonly<Record<string, unknown>>;

export interface ServerJob {
  readonly id: string;
  readonly location: string;
  readonly configuration: Configuration;
  /** PENDING: it waits in the line of its project. */
  state: "PENDING" | "RUNNING" | "DONE";
  problem: BigQueryProblem | undefined;
  statistics: Statistics;
  selected: Selected | undefined;
  readonly ended: Promise<void>;
}

export interface JobsOptions {
  readonly database: Database;
  readonly meter: Meter;
  readonly readObject: ReadObject;
}

/** What a job did, and what came of it. */
interface Outcome {
  readonly statistics: Statistics;
  readonly selected?: Selected | undefined;
}

/** Jobs, which run one after the other, each as soon as it is inserted, or released. */
export class ServerJobs {
  readonly #options: JobsOptions;
  readonly #jobs = new Map<string, ServerJob>();
  #gate: PromiseWithResolvers<void> | undefined;
  #failures: BigQueryProblem[] = [];
  #count = 0;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  all(): readonly ServerJob[] {
    return [...this.#jobs.values()];
  }

  hold(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  failNext(problem: BigQueryProblem): void {
    this.#failures.push(problem);
  }

  find(id: string, location: string | null): ServerJob {
    const job = this.#jobs.get(id);
    if (!job || (location !== null && job.location !== location))
      throw notFound(`Job test:${location}.${id}`);
    return job;
  }

  async dryRun({ query }: Configuration): Promise<Statistics> {
    if (!query) throw new BigQueryProblem(400, "invalid", "Only queries have a dry run");
    const { type, fields, undeclared } = await this.#options.database.exclusive(() =>
      describe(this.#options.database, query),
    );
    return {
      query: {
        statementType: type,
        totalBytesProcessed: "0",
        ...(type === "SELECT" && { schema: { fields } }),
        ...(undeclared.length > 0 && { undeclaredQueryParameters: undeclared }),
      },
    };
  }

  /** `content`: what was uploaded with the job. */
  insert({ jobReference, configuration }: z.infer<typeof InsertSchema>, content?: Uint8Array): ServerJob {
    const id = jobReference.jobId ?? `server_${this.#count++}`;
    const location = jobReference.location ?? "US";
    if (this.#jobs.has(id))
      throw new BigQueryProblem(409, "duplicate", `Already Exists: Job test:${location}.${id}`);
    const gate = this.#gate?.promise;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const job: ServerJob = {
      id,
      location,
      configuration,
      state: gate ? "PENDING" : "RUNNING",
      problem: undefined,
      statistics: {},
      selected: undefined,
      ended,
    };
    this.#jobs.set(id, job);
    this.#options.meter.add(
      configuration.load ? "load_jobs" : configuration.copy ? "copy_jobs" : "query_jobs",
    );
    void this.#run(job, gate, content).then(resolve);
    return job;
  }

  /** A job that waits does nothing any more; one that is at its work finishes it. */
  cancel(job: ServerJob): void {
    if (job.state === "DONE") return;
    job.state = "DONE";
    job.problem = new BigQueryProblem(
      200,
      "stopped",
      "Job execution was cancelled: User requested cancellation",
    );
  }

  async #run(job: ServerJob, gate: Promise<void> | undefined, content?: Uint8Array): Promise<void> {
    await gate;
    if (job.state === "PENDING") job.state = "RUNNING";
    await this.#options.database.exclusive(async () => {
      if (job.state === "DONE") return;
      try {
        const failure = this.#failures.shift();
        if (failure) throw failure;
        const { statistics, selected } = await this.#work(job.configuration, content);
        job.statistics = statistics;
        job.selected = selected;
      } catch (thrown) {
        job.problem = ofQuery(thrown);
      }
      job.state = "DONE";
    });
  }

  async #work({ query, load, copy }: Configuration, content?: Uint8Array): Promise<Outcome> {
    const { database, meter, readObject } = this.#options;
    if (load) {
      const { outputRows, outputBytes, inputFileBytes } = await runLoad(database, load, readObject, content);
      return { statistics: { load: texts({ outputRows, outputBytes, inputFileBytes }) } };
    }
    if (copy) {
      const source = await database.columnsOf(copy.sourceTable);
      if (!source?.length)
        throw notFound(`Table test:${copy.sourceTable.datasetId}.${copy.sourceTable.tableId}`);
      await database.write(copy.destinationTable, qualified(copy.sourceTable), source, copy.writeDisposition);
      return { statistics: { copy: texts({ copiedRows: await database.countRows(copy.sourceTable) }) } };
    }
    if (!query) throw new BigQueryProblem(400, "invalid", "Only queries, loads and copies are known here");
    const { statementType, selected, numDmlAffectedRows } = await runQuery(database, query);
    meter.add("bytes_billed", leastBilledBytes);
    const bytes = { totalBytesBilled: leastBilledBytes, totalBytesProcessed: 0 };
    const dml = numDmlAffectedRows === undefined ? {} : { numDmlAffectedRows };
    return { statistics: { query: { statementType, ...texts({ ...bytes, ...dml }) } }, selected };
  }
}

/** Whole numbers are text in Google's JSON. */
function texts(numbers: Readonly<Record<string, number>>): Statistics {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}
