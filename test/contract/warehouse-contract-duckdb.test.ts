import { describe } from "vitest";
import { makeWarehouse } from "../adapters/duckdb-harness.ts";
import { describeWarehouse } from "./warehouse-contract.ts";
import { describeFiles } from "./warehouse-contract-files.ts";
import { describeParameters } from "./warehouse-contract-parameters.ts";

describe("the DuckDB warehouse keeps the contract", () => {
  describeWarehouse(makeWarehouse);
  describeParameters(makeWarehouse);
});
describe("the DuckDB warehouse reads files as all do", () => describeFiles(makeWarehouse));
