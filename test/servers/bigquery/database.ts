import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from "@duckdb/node-api";
import { macros } from "./dialect.ts";
import { BigQueryProblem, notFound } from "./problems.ts";
import { columnType, type Field, fieldOf } from "./types.ts";

export interface TableName {
  readonly datasetId: string;
  readonly tableId: string;
}

export interface Selected {
  readonly fields: readonly Field[];
  readonly rows: readonly (readonly DuckDBValue[])[];
  readonly rowsChanged: number;
}

/** Values of named parameters, with their types where the values alone don't say them. */
export interface Bound {
  readonly values: Record<string, DuckDBValue>;
  readonly types?: Record<string, DuckDBType>;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function qualified({ datasetId, tableId }: TableName): string {
  return `memory.${quoted(datasetId)}.${quoted(tableId)}`;
}

/** DuckDB calls a column without a name by the text of its expression. */
const isExpression = /[(']|^[\d$]|^NULL$/;

/** Datasets as schemas of a DuckDB in memory. One piece of work at a time. */
export class Database {
  readonly #connection: DuckDBConnection;
  /** What is declared of a table apart from its columns; a table without columns is here only. */
  readonly #declared = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #datasets = new Map<string, string>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  static async open(): Promise<Database> {
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    for (const statement of ["SET TimeZone = 'UTC'", ...macros]) await connection.run(statement);
    return new Database(connection);
  }

  /** No other caller's statements run between those of `work`. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async run(sql: string, bound: Bound = { values: {} }): Promise<Selected> {
    const reader = await this.#connection.runAndReadAll(sql, bound.values, bound.types);
    const types = reader.columnTypes();
    const fields = reader.columnNames().flatMap((name, index) => {
      const type = types[index];
      return type ? [fieldOf(name, type)] : [];
    });
    return { fields, rows: reader.getRows(), rowsChanged: reader.rowsChanged };
  }

  /** The names of a query's columns: those without one are numbered, and no two may be the same. */
  async namesOf(sql: string, bound: Bound): Promise<readonly string[]> {
    const { rows } = await this.run(`DESCRIBE ${sql}`, bound);
    let unnamed = 0;
    const names = rows.map(([name]) => (isExpression.test(String(name)) ? `f${unnamed++}_` : String(name)));
    const twice = names.filter((name, at) =>
      names.slice(0, at).some((other) => other.toLowerCase() === name.toLowerCase()),
    );
    if (twice.length === 0) return names;
    const message = `Duplicate column names in the result are not supported. Found duplicate(s): ${twice.join(", ")}`;
    throw new BigQueryProblem(400, "invalidQuery", message);
  }

  /** How many statements a text has, and of what type the first is. */
  async statementsOf(sql: string): Promise<{ count: number; type: number }> {
    const { count } = await this.#connection.extractStatements(sql);
    if (count !== 1) return { count, type: 0 };
    const prepared = await this.#connection.prepare(sql);
    return { count, type: prepared.statementType };
  }

  /** The types that the text gives its parameters; without those that it does not show. */
  async parameterTypesOf(sql: string): Promise<ReadonlyMap<string, DuckDBType>> {
    const { count } = await this.#connection.extractStatements(sql);
    if (count !== 1) return new Map();
    const prepared = await this.#connection.prepare(sql);
    const types = new Map<string, DuckDBType>();
    for (let index = 1; index <= prepared.parameterCount; index++)
      if (prepared.parameterTypeId(index) !== DuckDBTypeId.INVALID)
        types.set(prepared.parameterName(index), prepared.parameterType(index));
    return types;
  }

  locationOf(dataset: string): string | undefined {
    return this.#datasets.get(dataset);
  }

  async createDataset(dataset: string, location: string): Promise<void> {
    this.#datasets.set(dataset, location);
    await this.run(`CREATE SCHEMA ${quoted(dataset)}`);
  }

  /** Names without a dataset mean this one. */
  async useDataset(dataset: string): Promise<void> {
    if (!this.#datasets.has(dataset)) throw notFound(`Dataset test:${dataset}`);
    await this.run(`USE memory.${quoted(dataset)}`);
  }

  async declare(table: TableName, fields: readonly Field[], properties: Readonly<Record<string, unknown>>) {
    if (!this.#datasets.has(table.datasetId)) throw notFound(`Dataset test:${table.datasetId}`);
    this.#declared.set(qualified(table), properties);
    const columns = fields.map((field) => `${quoted(field.name)} ${columnType(field)}`);
    if (columns.length > 0) await this.run(`CREATE TABLE ${qualified(table)} (${columns.join(", ")})`);
  }

  propertiesOf(table: TableName): Readonly<Record<string, unknown>> | undefined {
    return this.#declared.get(qualified(table));
  }

  async columnsOf(table: TableName): Promise<readonly Field[] | undefined> {
    const found = await this.run(
      "SELECT 1 FROM duckdb_tables() WHERE schema_name = $datasetId AND table_name = $tableId",
      { values: { ...table } },
    );
    if (found.rows.length === 0) return this.#declared.has(qualified(table)) ? [] : undefined;
    return (await this.run(`FROM ${qualified(table)} LIMIT 0`)).fields;
  }

  async countRows(table: TableName): Promise<number> {
    return Number((await this.run(`SELECT count(*) FROM ${qualified(table)}`)).rows[0]?.[0] ?? 0);
  }

  async drop(table: TableName): Promise<void> {
    this.#declared.delete(qualified(table));
    await this.run(`DROP TABLE IF EXISTS ${qualified(table)}`);
  }

  /** Writes what stands after FROM into a table as a job's dispositions say. */
  async write(table: TableName, from: string, fields: readonly Field[], disposition: string): Promise<void> {
    if (!this.#datasets.has(table.datasetId)) throw notFound(`Dataset test:${table.datasetId}`);
    const target = qualified(table);
    const existing = await this.columnsOf(table);
    const columns = fields.map((field) => {
      const name = quoted(field.name);
      return `CAST(${name} AS ${columnType(field)}) AS ${name}`;
    });
    const select = `SELECT ${columns.join(", ")} FROM ${from}`;
    if (!existing?.length || disposition === "WRITE_TRUNCATE")
      await this.run(`CREATE OR REPLACE TABLE ${target} AS ${select}`);
    else await this.run(`INSERT INTO ${target} BY NAME ${select}`);
    if (!this.#declared.has(target)) this.#declared.set(target, {});
  }

  close(): void {
    this.#connection.closeSync();
  }
}
