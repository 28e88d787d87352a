import { describe } from "vitest";
import { makeWarehouse } from "../adapters/duckdb-harness.ts";
import { describeWarehouse } from "./warehouse-contract.ts";
import { describeFiles } from "./warehouse-contract-files.ts";
import { describeParameters } from "./warehouse-contract-parameters.ts";
import { describeFileRules, describeRealFiles } from "./warehouse-contract-rules.ts";
import { describeValues } from "./warehouse-contract-values.ts";

describe("the DuckDB warehouse keeps the contract", () => {
  describeWarehouse(makeWarehouse);
  describeParameters(makeWarehouse);
  describeValues("duckdb", makeWarehouse);
});
describe("the DuckDB warehouse reads files as all do", () => describeFiles(makeWarehouse));
describe("the DuckDB warehouse reads files by the rules", () =>
  describeFileRules(makeWarehouse, Number.POSITIVE_INFINITY));
describe("the DuckDB warehouse reads the files of programs", () => describeRealFiles(makeWarehouse));
