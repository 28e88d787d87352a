import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";

const google = { BATON_ENGINE: "gcp", BATON_PROJECT: "p", BATON_BUCKET: "bucket" };
const tracesOf = (environment: Readonly<Record<string, string>>) => readConfiguration(environment).traces;

test("no traces are sent unless it is asked for", () => {
  expect(tracesOf({})).toBeUndefined();
  expect(tracesOf({ ...google, OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" })).toBeUndefined();
});

test("traces go to Google from Google Cloud, with its credentials, and to this machine from elsewhere", () => {
  expect(tracesOf({ ...google, BATON_TRACES: "otlp", K_SERVICE: "baton-prod" })).toEqual({
    url: "https://telemetry.googleapis.com/v1/traces",
    googleProject: "p",
    resource: { "service.name": "baton-prod", "gcp.project_id": "p" },
  });
  expect(tracesOf({ BATON_TRACES: "otlp" })).toMatchObject({
    url: "http://localhost:4318/v1/traces",
    googleProject: undefined,
  });
});

test("traces go where the standard variables say, and Google's credentials only to Google", () => {
  const traces = {
    ...google,
    BATON_TRACES: "otlp",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example/",
  };
  expect(tracesOf(traces)).toMatchObject({
    url: "https://collector.example/v1/traces",
    googleProject: undefined,
  });
  const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "https://telemetry.googleapis.com.evil.example/t";
  expect(tracesOf({ ...traces, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT })).toMatchObject({
    url: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    googleProject: undefined,
  });
});

test("an address that is none is named", () => {
  const read = () => tracesOf({ BATON_TRACES: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" });
  expect(read).toThrow("OTEL_EXPORTER_OTLP_ENDPOINT");
});
