import { describe } from "vitest";
import { contractBigQuery } from "../adapters/bigquery-harness.ts";
import { describeWarehouse } from "./warehouse-contract.ts";
import { describeFiles } from "./warehouse-contract-files.ts";
import { describeParameters } from "./warehouse-contract-parameters.ts";
import { describeFileRules, describeRealFiles } from "./warehouse-contract-rules.ts";
import { describeValues } from "./warehouse-contract-values.ts";

describe("the BigQuery warehouse keeps the contract", () => {
  describeWarehouse(contractBigQuery);
  describeParameters(contractBigQuery);
  describeValues("bigquery", contractBigQuery);
});
describe("the BigQuery warehouse reads files as all do", () => describeFiles(contractBigQuery));
describe("the BigQuery warehouse reads files by the rules", () => describeFileRules(contractBigQuery, 2));
describe("the BigQuery warehouse reads the files of programs", () => describeRealFiles(contractBigQuery));
