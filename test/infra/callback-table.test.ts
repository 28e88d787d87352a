import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { BigQueryWarehouse } from "../../src/adapters/bigquery/bigquery-warehouse.ts";
import { WarehouseCallbackArchive } from "../../src/adapters/callback-archive/archive.ts";
import { archiveColumns } from "../../src/core/callback.ts";
import { defaults } from "../../src/core/limits.ts";
import { startBigQueryServer } from "../servers/bigquery/index.ts";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const table = files.resource("google_bigquery_table.callbacks");

const ColumnSchema = z.object({ name: z.string(), type: z.string() });
const TableSchema = z.object({
  schema: z.object({ fields: z.array(ColumnSchema) }),
  timePartitioning: z.object({ type: z.string(), field: z.string() }),
  clustering: z.object({ fields: z.array(z.string()) }),
});
const key = ["job_id", "account_id", "lead_id", "region", "year"];

/** The table as Baton makes it with its first callback. */
async function tableOfBaton() {
  const server = await startBigQueryServer();
  onTestFinished(() => server.close());
  const options = { projectId: "test", dataset: "baton", apiEndpoint: server.url };
  const archive = new WarehouseCallbackArchive(new BigQueryWarehouse(options));
  await archive.store(defaults.callbackTable, {
    key: Object.fromEntries(key.map((name) => [name, "1"])),
    status: "completed",
    payload: {},
    createdAt: 0,
    eventId: "e",
    url: "https://example.com",
  });
  const path = `projects/test/datasets/baton/tables/${defaults.callbackTable}`;
  const response = await fetch(`${server.url}/bigquery/v2/${path}`);
  return TableSchema.parse(await response.json());
}

test("the archive of callbacks has the columns, days and clusters that Baton gives it", async () => {
  const made = await tableOfBaton();
  expect(files.locals.callback_columns).toEqual(made.schema.fields.slice(key.length));
  expect(made.schema.fields.slice(0, key.length)).toEqual(key.map((name) => ({ name, type: "STRING" })));
  expect(files.locals.callback_key_columns).toBe(
    expression('[for column in var.callback_key : { name = column, type = "STRING" }]'),
  );
  expect(table.schema).toContain("for column in concat(local.callback_key_columns, local.callback_columns)");
  expect(table.schema).toContain(' : merge(column, { mode = "NULLABLE" })');
  expect(inner(table, "time_partitioning")).toEqual(made.timePartitioning);
  expect(made.clustering.fields).toEqual(key.slice(0, 4));
  expect(table.clustering).toBe(expression("slice(var.callback_key, 0, min(4, length(var.callback_key)))"));
});

test("it has the name that tasks archive in unless they say otherwise", () => {
  expect(table.table_id).toBe(defaults.callbackTable);
});

test("no column of the key has the name of a fixed column", () => {
  const condition = files.variables.callback_key?.validation[1]?.condition ?? "";
  const [, names = ""] = /\], \[([^\]]+)\]\)\)/.exec(condition) ?? [];
  expect(names.split(", ").map((name) => name.slice(1, -1))).toEqual(archiveColumns);
});
