import { openApp } from "../src/app/open.ts";
import { containStrayErrors } from "../src/app/stray-errors.ts";
import { debugStack, errorMessage } from "../src/core/errors/errors.ts";
import { createHttpHandler } from "../src/entry/http-handler.ts";
import { frameworkPort, serveHttp } from "../src/entry/http-server.ts";

const { app, logger } = await openApp(process.env, { level: "info", serves: true });
app.work.start();
const drain = async () => {
  await app.work.stop();
  await app.close();
};
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => {
    void drain().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
containStrayErrors({
  log: (message, fields) => logger.error(message, fields),
  stop(thrown) {
    const fields = { error: errorMessage(thrown), stack_trace: debugStack(thrown) };
    logger.error("an exception of unknown origin: the instance releases its tasks and ends", fields);
    void drain().finally(() => process.exit(1));
  },
});
await serveHttp(createHttpHandler(app.deliveries, logger, app.trust), {
  port: frameworkPort(process.argv, process.env),
  host: "0.0.0.0",
});
// The functions framework, which starts this process, waits for this module before it creates its own server. That
// server would read a gigabyte into memory, respond to bad JSON with HTML, run each request in a domain, which slows
// down every promise, and end the process at a signal without releasing its tasks. So this module never finishes
// loading.
await new Promise<never>(() => {});
