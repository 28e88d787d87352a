import type { FileOptions } from "../../src/core/files/file-options.ts";
import type { JsonObject } from "../../src/core/values/json.ts";
import type {
  Destination,
  FileFormat,
  JobResult,
  JobState,
  Row,
  Sql,
  Warehouse,
} from "../../src/ports/warehouse.ts";

export interface WarehouseUnderTest {
  readonly warehouse: Warehouse;
  /** Puts a file where the warehouse reads it; gives its URI. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  /** The kinds of a table's columns, in the words of the rules for files, in their order. */
  kinds(table: string): Promise<readonly string[]>;
}

const never = new AbortController().signal;

/** Asks for a job until it is done. */
export async function finished(ask: () => Promise<JobState>): Promise<JobResult> {
  for (;;) {
    const state = await ask();
    if (state.kind === "done") return state.result;
  }
}

/** Short ways to ask a warehouse. Jobs without an id get one of their own. */
export function shorthand({ warehouse, file }: Pick<WarehouseUnderTest, "warehouse" | "file">) {
  let jobs = 0;
  const into = (given: Partial<Destination>): Destination => ({
    table: "orders",
    mode: "append",
    key: [],
    ...given,
  });
  interface Options {
    readonly jobId?: string;
    readonly attempt?: string;
    readonly format?: FileFormat;
    readonly options?: FileOptions;
    readonly parameters?: JsonObject;
    readonly maximumBytesBilled?: number;
  }
  const loadState = (uri: string, to: Partial<Destination> = {}, options: Options = {}) => {
    const { jobId = `load-${jobs++}`, attempt, format = "csv", options: file } = options;
    return warehouse.load({ jobId, attempt, uri, format, options: file, into: into(to), signal: never });
  };
  const load = (uri: string, to: Partial<Destination> = {}, options: Options = {}) => {
    const { jobId = `load-${jobs++}` } = options;
    return finished(() => loadState(uri, to, { ...options, jobId }));
  };
  const queryState = (sql: Sql, to: Partial<Destination> = {}, options: Options = {}) => {
    const { jobId = `query-${jobs++}`, attempt, parameters = {}, maximumBytesBilled } = options;
    const destination = into({ table: "summary", ...to });
    return warehouse.query({
      jobId,
      attempt,
      sql,
      parameters,
      maximumBytesBilled,
      into: destination,
      signal: never,
    });
  };
  const query = (sql: Sql, to: Partial<Destination> = {}, options: Options = {}) => {
    const { jobId = `query-${jobs++}` } = options;
    return finished(() => queryState(sql, to, { ...options, jobId }));
  };
  const rows = (sql: Sql, parameters: JsonObject = {}): Promise<readonly Row[]> =>
    warehouse.rows(sql, parameters, 10_000, never);
  const loadText = async (text: string, to: Partial<Destination> = {}, options: Options = {}) =>
    load(await file(`file-${jobs++}.csv`, text), to, options);
  return { load, loadState, loadText, query, queryState, rows };
}
