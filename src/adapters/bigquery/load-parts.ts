import { daySeconds } from "../../core/time.ts";
import type { FileFormat, LoadJob } from "../../ports/warehouse.ts";
import {
  checkColumns,
  checkKey,
  internalPrefix,
  namesOf,
  quoteTable,
  type Table,
  type TableReference,
} from "./identifiers.ts";
import type { Job, JobConfiguration, TableSchema } from "./jobs.ts";
import { emptyFile, lookAtFile } from "./look-at-file.ts";
import type { Part, RunName } from "./runs.ts";
import type { Session, TableInfo } from "./session.ts";
import { mergeStatement, stagedRows } from "./statements.ts";

/** What a stage that was left behind costs nobody for longer than this. */
const stageLifeMs = 2 * daySeconds * 1_000;

/**
 * BigQuery promises no order of rows. A file is read by one worker, though (cells may hold line breaks, so it can't be
 * divided), and a table as small as this is written and read in one piece: there the last of several rows is known.
 */
const readAtOnceBytes = 10 * 1024 * 1024;

const formats: Readonly<Record<FileFormat, string>> = {
  csv: "CSV",
  jsonl: "NEWLINE_DELIMITED_JSON",
  parquet: "PARQUET",
};

/** Where a run puts the rows of its file before they go to their table. */
export function stageOf({ reference }: Table, { work, number }: RunName): TableReference {
  return { ...reference, tableId: `${internalPrefix}${work}_${number}` };
}

/** The jobs that load a file, each made when it is about to begin. */
export class LoadParts {
  readonly #session: Session;
  readonly #job: LoadJob;
  readonly #table: Table;

  constructor(session: Session, job: LoadJob) {
    this.#session = session;
    this.#job = job;
    this.#table = session.tableOf(job.into.table);
  }

  /**
   * Rows that are added to a table go right into it. All others go by way of a stage, so that a file that is broken, or has
   * no rows, neither makes a table nor empties one. Only the last part touches the table, so that it does not matter when
   * the table appears between two looks.
   */
  async all(): Promise<readonly Part[]> {
    const { into, signal } = this.#job;
    const { reference } = this.#table;
    const existing = await this.#session.tables.find(reference, signal);
    if (existing && into.mode === "append")
      return [
        {
          name: "write",
          configure: () => this.#load(reference, "WRITE_APPEND", existing.schema),
        },
      ];
    // A table that is replaced does not say what its next columns are.
    const schema = into.mode === "merge" ? existing?.schema : undefined;
    return [
      { name: "stage", configure: (run) => this.#stage(run, schema) },
      { name: "write", configure: (run, staged) => this.#write(run, staged, existing) },
    ];
  }

  async #stage(run: RunName, schema: TableSchema | undefined): Promise<JobConfiguration> {
    const stage = stageOf(this.#table, run);
    const configuration = await this.#load(stage, "WRITE_TRUNCATE", schema);
    const expirationTime = String(Date.now() + stageLifeMs);
    await this.#session.tables.ensure(stage, { expirationTime }, this.#job.signal);
    return configuration;
  }

  async #write(
    run: RunName,
    staged: Job | undefined,
    existing: TableInfo | undefined,
  ): Promise<JobConfiguration> {
    const { uri, into } = this.#job;
    const { outputRows, outputBytes = Number.POSITIVE_INFINITY } = staged?.statistics.load ?? {};
    if (outputRows === 0) throw emptyFile(uri);
    if (into.mode === "merge") return this.#merge(run, existing, outputBytes <= readAtOnceBytes);
    return {
      copy: {
        sourceTable: stageOf(this.#table, run),
        destinationTable: this.#table.reference,
        writeDisposition: into.mode === "replace" ? "WRITE_TRUNCATE" : "WRITE_APPEND",
        createDisposition: "CREATE_IF_NEEDED",
      },
    };
  }

  async #merge(
    run: RunName,
    existing: TableInfo | undefined,
    isReadAtOnce: boolean,
  ): Promise<JobConfiguration> {
    const { into, signal } = this.#job;
    const { tables } = this.#session;
    const { reference } = this.#table;
    const stage = stageOf(this.#table, run);
    const schema = (await tables.find(stage, signal))?.schema;
    // An expired stage makes the job fail, and with it the run: the next one reads the file anew.
    const columns = schema ? namesOf(schema) : into.key;
    checkKey(into, columns);
    if (schema && existing) checkColumns(this.#table, namesOf(existing.schema), columns);
    if (schema && !existing) await tables.ensure(reference, { schema }, signal);
    const source = stagedRows(quoteTable(stage), columns, isReadAtOnce ? into.key : undefined);
    const statement = mergeStatement(quoteTable(reference), into.key, columns, source);
    return { query: this.#session.queryOf(statement, []) };
  }

  async #load(
    destinationTable: TableReference,
    writeDisposition: string,
    schema: TableSchema | undefined,
  ): Promise<JobConfiguration> {
    const { uri, format } = this.#job;
    return {
      load: {
        sourceUris: [uri],
        sourceFormat: formats[format],
        destinationTable,
        writeDisposition,
        createDisposition: "CREATE_IF_NEEDED",
        ...(format !== "jsonl" && { columnNameCharacterMap: "V2" }),
        ...(await lookAtFile(this.#session, this.#job, schema)),
      },
    };
  }
}
