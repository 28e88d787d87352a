// A worker process that takes messages into its slots and never ends one; it waits to be killed.
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { SqliteBroker } from "../../src/adapters/sqlite/broker.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { systemClock } from "../../src/adapters/system/system.ts";

const path = process.argv[2] ?? "";
const database = openDatabase({
  path,
  durability: "full",
  lockTimeoutSeconds: 5,
  logger: createLogger("silent"),
});
const group = new GroupCommit(database, path);
const storeClock = new StoreClock(database, group, systemClock, createLogger("silent"));
const broker = new SqliteBroker(database, group, storeClock, createLogger("silent"), {
  concurrency: 50,
  queues: new Map([["documents", { concurrency: 2, rate: { messages: 2, perSeconds: 1 } }]]),
  leaseSeconds: 1,
  pollMs: 5,
});
broker.start(async ({ deliveryAttempt }) => {
  await group.sync(group.mark());
  process.stdout.write(`${deliveryAttempt}\n`);
  return new Promise(() => undefined);
});
