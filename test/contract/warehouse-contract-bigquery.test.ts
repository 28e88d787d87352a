import { describe } from "vitest";
import { makeBigQuery } from "../adapters/bigquery-harness.ts";
import { describeWarehouse } from "./warehouse-contract.ts";
import { describeFiles } from "./warehouse-contract-files.ts";
import { describeParameters } from "./warehouse-contract-parameters.ts";

describe("the BigQuery warehouse keeps the contract", () => {
  describeWarehouse(makeBigQuery);
  describeParameters(makeBigQuery);
});
describe("the BigQuery warehouse reads files as all do", () => describeFiles(makeBigQuery));
