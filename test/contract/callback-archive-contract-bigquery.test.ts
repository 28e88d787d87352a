import { describe } from "vitest";
import { contractBigQuery } from "../adapters/bigquery-harness.ts";
import { describeCallbackArchive } from "./callback-archive-contract.ts";

describe("the BigQuery archive keeps the contract", () =>
  describeCallbackArchive(async () => {
    const { warehouse, archive } = await contractBigQuery();
    return { warehouse, archive: archive() };
  }));
