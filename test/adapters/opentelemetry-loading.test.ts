import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { startOtlpServer } from "../servers/otlp/server.ts";

const child = fileURLToPath(new URL("opentelemetry-child.ts", import.meta.url));
const run = promisify(execFile);

async function loadedWith(environment: Readonly<Record<string, string>>): Promise<unknown> {
  const { stdout } = await run(process.execPath, [child], { env: { ...process.env, ...environment } });
  return JSON.parse(stdout);
}

const google = {
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "test-project",
  BATON_LOCATION: "europe-west1",
  BATON_BUCKET: "test-bucket",
};

test("without traces nothing of OpenTelemetry is loaded", async () => {
  expect(await loadedWith({})).toEqual([]);
  expect(await loadedWith(google)).toEqual([]);
});

test("with traces it is loaded once there are spans to be sent, and no sooner", async () => {
  const receiver = await startOtlpServer();
  onTestFinished(() => receiver.close());
  const traces = { BATON_TRACES: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  expect(await loadedWith({ ...google, ...traces })).toEqual([]);
  expect(await loadedWith(traces)).toContain("exporter-trace-otlp-http");
  expect(receiver.spans).toMatchObject([{ name: "redrive", attributes: { "baton.batch": "b-1" } }]);
});
