// The function that is deployed: one HTTP entry for Pub/Sub pushes, CloudEvents and direct JSON.
import { openLocal } from "../src/composition/local.ts";
import { drainOnSignals } from "../src/entry/drain.ts";
import { registerHttpFunction } from "../src/entry/functions-framework.ts";
import { createHttpHandler } from "../src/entry/http-handler.ts";
import { guardServers } from "../src/entry/server-guard.ts";

const { app, logger } = openLocal(process.env, "info");
guardServers();
registerHttpFunction("baton", createHttpHandler(app.deliveries, logger));
app.work.start();
drainOnSignals(() => app.close());
