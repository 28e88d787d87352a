// The console as a service of its own, behind Identity-Aware Proxy. It takes no messages and runs no tasks.
import { iapAccess } from "../src/adapters/oidc/iap-access.ts";
import { openApp } from "../src/app/open.ts";
import { containStrayErrors } from "../src/app/stray-errors.ts";
import { packageFolder } from "../src/configuration/project.ts";
import { createConsole, readAssets } from "../src/console/index.ts";
import { BatonError, debugStack, errorMessage } from "../src/core/errors/errors.ts";
import { frameworkPort } from "../src/entry/http-server.ts";
import { servePages } from "../src/entry/page-server.ts";

const { app, logger } = await openApp(process.env, { level: "info", serves: false });
const { google } = app.configuration;
if (!google?.console)
  throw new BatonError(
    "CONFIGURATION_INVALID",
    "The console needs BATON_ENGINE=gcp and BATON_CONSOLE_AUDIENCE",
  );
const pages = createConsole({
  app,
  access: iapAccess(google.console),
  logger,
  assets: readAssets(`${packageFolder()}/dist/console`),
  place: `${google.prefix} in ${google.projectId}`,
});
const server = await servePages(pages, { port: frameworkPort(process.argv, process.env), host: "0.0.0.0" });
const end = async () => {
  await server.close();
  await app.close();
};
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => {
    void end().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
containStrayErrors({
  log: (message, fields) => logger.error(message, fields),
  stop(thrown) {
    logger.error("an exception of unknown origin: the instance ends", {
      error: errorMessage(thrown),
      stack_trace: debugStack(thrown),
    });
    void end().finally(() => process.exit(1));
  },
});
// As in serve.ts: the functions framework must not create its own server.
await new Promise<never>(() => {});
