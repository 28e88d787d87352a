// Runs a batch in a process of its own, and says which packages of OpenTelemetry it has loaded.
import { mkdtempSync, rmSync } from "node:fs";
import Module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openApp } from "../../src/app/open.ts";

const data = mkdtempSync(join(tmpdir(), "baton-traces-"));
const workflows = new URL("../cloud/workflows", import.meta.url).pathname;
const { app } = await openApp(
  { BATON_DATA: data, BATON_WORKFLOWS: workflows, ...process.env },
  { level: "error", serves: false },
);
if (app.configuration.engine === "embedded") {
  await app.engine.receiveEvent({ kind: "event", batchId: "b-1", event: "none" }).catch(() => undefined);
  await app.deliveries.deliver({ message: { kind: "redrive", batchId: "b-1" }, deliveryAttempt: 1 });
}
await app.close();
rmSync(data, { recursive: true, force: true });

const { _cache: cache } = Module as unknown as { readonly _cache: Readonly<Record<string, unknown>> };
const packages = Object.keys(cache).flatMap((path) => /@opentelemetry\/([\w-]+)/.exec(path)?.[1] ?? []);
process.stdout.write(JSON.stringify([...new Set(packages)].sort()));
