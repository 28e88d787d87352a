import { describe, onTestFinished } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { SqliteBroker } from "../../src/adapters/sqlite/broker.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { embeddedLimits } from "../../src/app/workers.ts";
import type { Delivery } from "../../src/ports/broker.ts";
import { temporaryFolder } from "../support/app.ts";
import { lockInTurns } from "../support/other-writer.ts";
import { type BrokerUnderTest, describeBroker } from "./broker-contract.ts";

async function open(path = `${temporaryFolder()}/baton.sqlite`): Promise<BrokerUnderTest> {
  const database = openDatabase({
    path,
    durability: "normal",
    lockTimeoutSeconds: 5,
    logger: createLogger("silent"),
  });
  const group = new GroupCommit(database, path);
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const storeClock = new StoreClock(database, group, systemClock, silent);
  const broker = new SqliteBroker(database, group, storeClock, silent, {
    concurrency: 50,
    queues: new Map(),
    leaseSeconds: embeddedLimits.messageLeaseSeconds,
    pollMs: embeddedLimits.brokerPollMs,
  });
  const deliveries: { message: Delivery["message"]; at: number }[] = [];
  let refusals = 0;
  broker.start(async ({ message }) => {
    deliveries.push({ message, at: Date.now() });
    refusals -= 1;
    if (refusals >= 0) throw new Error("not now");
  });
  onTestFinished(async () => {
    await broker.stop();
    group.flush();
    database.close();
  });
  return {
    broker,
    timer: broker,
    deliveries,
    refuse(times) {
      refusals = times;
    },
  };
}

describe("the SQLite broker keeps the contract", () => describeBroker(() => open()));

describe("the SQLite broker keeps the contract while another process writes", () =>
  describeBroker(async () => {
    const path = `${temporaryFolder()}/baton.sqlite`;
    const opened = await open(path);
    lockInTurns(path);
    return opened;
  }));
