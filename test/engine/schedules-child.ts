// One of several processes that tick at the same moment: when the parent says so.
import { once } from "node:events";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openEmbedded } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { everyMinute } from "./schedules-workflow.ts";

const app = openEmbedded({
  configuration: readConfiguration(process.env),
  logger: createLogger("silent"),
  workflows: [everyMinute],
});
process.stdout.write("ready");
await once(process.stdin, "data");
for (let tick = 0; tick < 3; tick++) await app.engine.tick();
await app.close();
