import { describe, onTestFinished } from "vitest";
import { DuckDbCallbackArchive } from "../../src/adapters/duckdb/callback-archive.ts";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { makeWarehouse } from "../adapters/duckdb-harness.ts";
import { describeCallbackArchive } from "./callback-archive-contract.ts";

describe("the DuckDB archive keeps the contract", () =>
  describeCallbackArchive(async () => {
    const { path, warehouse } = await makeWarehouse();
    const archive = new DuckDbCallbackArchive(new DatabaseFile(path));
    onTestFinished(() => archive.close());
    return { warehouse, archive };
  }));
