import { describe } from "vitest";
import { makeBigQuery } from "../adapters/bigquery-harness.ts";
import { describeWarehouse } from "./warehouse-contract.ts";
import { describeParameters } from "./warehouse-contract-parameters.ts";

describe("the BigQuery warehouse keeps the contract", () => {
  describeWarehouse(makeBigQuery);
  describeParameters(makeBigQuery);
});
