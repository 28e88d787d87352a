import { describe } from "vitest";
import { makeBigQuery } from "../adapters/bigquery-harness.ts";
import { describeCallbackArchive } from "./callback-archive-contract.ts";

describe("the BigQuery archive keeps the contract", () =>
  describeCallbackArchive(async () => {
    const { warehouse, archive } = await makeBigQuery();
    return { warehouse, archive: archive() };
  }));
