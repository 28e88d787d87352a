import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { serveTestHttp } from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";
import { Database } from "./database.ts";
import { type ServerJob, ServerJobs } from "./jobs.ts";
import { BigQueryProblem } from "./problems.ts";
import { handle } from "./routes.ts";
import type { ReadObject } from "./run-load.ts";
import { Uploads } from "./uploads.ts";

/**
 * A BigQuery for tests: jobs (query, load, copy, cancel, dry run), query results in pages, datasets and tables, over a
 * DuckDB in memory. Jobs end after they were inserted, never with it, and an id is taken once.
 *
 * GoogleSQL is translated word by word (`dialect.ts`): names in backticks, texts, `@parameters`, and the few functions
 * and types that the adapter and its contract use. What is the same in both works, such as MERGE, QUALIFY, windows
 * and ordinary SELECTs.
 *
 * Left out: the rest of GoogleSQL (UNNEST of arrays as BigQuery has it, EXCEPT, date functions), scripts,
 * sessions, views, caches, quotas, permissions and labels' rules; partitions and clusters, which are kept and have no
 * effect; expiry of tables; legacy SQL; tabledata; listing. Every query is billed 10 MB, the least that BigQuery
 * bills. Contents of objects can be read too, as at www.googleapis.com, which has Cloud
 * Storage beside BigQuery. The messages of load errors are like BigQuery's in what the adapter reads, not word for
 * word. A CSV file is read as Google documents it (`read-csv.ts`), and what no documentation says is refused: blank
 * lines, null markers in quotes, carriage returns alone. Zstandard is not known, and UTF-8 is the default. The values
 * of JSON lines are read by DuckDB, into the types of the schema.
 */
export async function startBigQueryServer(options: BigQueryServerOptions = {}): Promise<BigQueryServer> {
  const { faults = noFaults, meter = new Meter(), port, objects } = options;
  const database = await Database.open();
  const readObject = typeof objects === "string" ? fromFolder(objects) : (objects ?? (async () => undefined));
  const uploads = new Uploads();
  const jobs = new ServerJobs({ database, meter, readObject });
  const server = await serveTestHttp({
    service: "bigquery",
    faults,
    handle: (call) => {
      meter.add("api_calls");
      return handle({ database, jobs, readObject, uploads }, call);
    },
    ...(port !== undefined && { port }),
  });
  return {
    url: server.url,
    meter,
    setFaults: (plan) => server.setFaults(plan),
    jobs: () => jobs.all(),
    holdJobs: () => jobs.hold(),
    releaseJobs: () => jobs.release(),
    failNextJob: (reason, message) => jobs.failNext(new BigQueryProblem(400, reason, message)),
    async close() {
      jobs.release();
      await server.close();
      await database.exclusive(async () => database.close());
    },
  };
}

export interface BigQueryServerOptions {
  readonly faults?: FaultPlan;
  readonly meter?: Meter;
  readonly port?: number;
  /** Reads what is at a `gs://` URI, undefined when there is nothing; or a folder that has a folder for each bucket. */
  readonly objects?: ReadObject | string;
}

export interface BigQueryServer {
  /** `http://127.0.0.1:port`, for `apiEndpoint`. */
  readonly url: string;
  /** Counts `bytes_billed`, `query_jobs`, `load_jobs`, `copy_jobs` and `api_calls`. */
  readonly meter: Meter;
  setFaults(plan: FaultPlan): void;
  /** In the order in which they were inserted. */
  jobs(): readonly ServerJob[];
  /** Jobs that are inserted from now on run until they are released. */
  holdJobs(): void;
  releaseJobs(): void;
  /** The next job that would run fails instead. */
  failNextJob(reason: string, message: string): void;
  close(): Promise<void>;
}

function fromFolder(folder: string): ReadObject {
  return (uri) => readFile(join(folder, uri.replace(/^gs:\/\//, ""))).catch(() => undefined);
}
