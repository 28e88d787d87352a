import { describe, onTestFinished } from "vitest";
import { WarehouseCallbackArchive } from "../../src/adapters/callback-archive/archive.ts";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../../src/adapters/duckdb/duckdb-warehouse.ts";
import { makeWarehouse } from "../adapters/duckdb-harness.ts";
import { describeCallbackArchive } from "./callback-archive-contract.ts";

describe("the DuckDB archive keeps the contract", () =>
  describeCallbackArchive(async () => {
    const { path, warehouse } = await makeWarehouse();
    const another = new DuckDbWarehouse(new DatabaseFile(path));
    onTestFinished(() => another.close());
    return { warehouse, archive: new WarehouseCallbackArchive(another) };
  }));
