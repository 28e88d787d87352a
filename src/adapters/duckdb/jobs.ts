import * as z from "zod";
import type { JobResult } from "../../ports/warehouse.ts";
import type { Statements } from "./statements.ts";

const StoredSchema = z.object({ result: z.string() });
const JobResultSchema = z.strictObject({ table: z.string(), rows: z.number(), tableRows: z.number() });

/** Writes what was prepared. */
export type Writing = () => Promise<JobResult>;

/**
 * Prepares the job, then writes and notes its result in one transaction; or finds the note and does nothing.
 * The file has one holder and the holder one turn, so nobody else is between the look and the commit.
 */
export async function once(
  statements: Statements,
  jobId: string,
  prepare: () => Promise<Writing>,
): Promise<JobResult> {
  const jobs = await jobsTable(statements);
  const [stored] = await statements.rows(`SELECT result FROM ${jobs} WHERE job_id = $jobId`, { jobId });
  if (stored) return JobResultSchema.parse(JSON.parse(StoredSchema.parse(stored).result));
  const write = await prepare();
  return statements.transaction(async () => {
    const result = await write();
    await statements.run(`INSERT INTO ${jobs} VALUES ($jobId, $result, now())`, {
      jobId,
      result: JSON.stringify(result),
    });
    return result;
  });
}

async function jobsTable(statements: Statements): Promise<string> {
  const name = await statements.qualified({ name: "", schema: "main", table: "_baton_jobs" });
  await statements.run(
    `CREATE TABLE IF NOT EXISTS ${name} (
       job_id VARCHAR PRIMARY KEY, result JSON NOT NULL, finished_at TIMESTAMPTZ NOT NULL)`,
  );
  return name;
}
