import { fileURLToPath } from "node:url";
import { openApp } from "../src/composition/open.ts";
import { containStrayErrors } from "../src/composition/stray-errors.ts";
import { messageOf, stackOf } from "../src/core/errors.ts";
import { drainOnSignals } from "../src/entry/drain.ts";
import { registerHttpFunction } from "../src/entry/functions-framework.ts";
import { createHttpHandler } from "../src/entry/http-handler.ts";
import { guardServers } from "../src/entry/server-guard.ts";

// Those that were built with this file: they need not be compiled from TypeScript before the first message.
const workflows = fileURLToPath(new URL("workflows", import.meta.url));
const { app, logger } = await openApp(
  { BATON_WORKFLOWS: workflows, ...process.env },
  { level: "info", serves: true },
);
guardServers();
registerHttpFunction("baton", createHttpHandler(app.deliveries, logger, app.trust));
app.work.start();
const drain = async () => {
  await app.work.stop();
  await app.close();
};
drainOnSignals(drain);
containStrayErrors({
  tell: (message, fields) => logger.error(message, fields),
  stop(thrown) {
    const fields = { error: messageOf(thrown), stack_trace: stackOf(thrown) };
    logger.error("an exception of unknown origin: the instance gives its work back and ends", fields);
    void drain().finally(() => process.exit(1));
  },
});
