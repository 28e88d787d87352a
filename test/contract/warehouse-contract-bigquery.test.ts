import { describe } from "vitest";
import { makeBigQuery } from "../adapters/bigquery-harness.ts";
import { describeWarehouse } from "./warehouse-contract.ts";

describe("the BigQuery warehouse keeps the contract", () => describeWarehouse(makeBigQuery));
