import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { startSecretManagerServer } from "../servers/secret-manager/server.ts";
import { type CommandOptions, Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";

const ReportSchema = z.strictObject({
  healthy: z.boolean(),
  counts: z.strictObject({
    ok: z.number(),
    warning: z.number(),
    failed: z.number(),
    unknown: z.number(),
  }),
  checks: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      subject: z.string(),
      status: z.enum(["ok", "warning", "failed", "unknown"]),
      found: z.string(),
      expected: z.string(),
      remedy: z.string().nullable(),
      deployCommand: z.string().nullable(),
      commands: z.array(z.string()),
    }),
  ),
});

/** No credentials are found. */
const stranger = { METADATA_SERVER_DETECTION: "none", HOME: "/nowhere", CLOUDSDK_CONFIG: "/nowhere" };
const cloud = {
  ...stranger,
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "p",
  BATON_BUCKET: "bucket",
  BATON_LOCATION: "europe-west1",
  BATON_SERVICE_ACCOUNT: "baton@p.iam.gserviceaccount.com",
  BATON_CALLBACK_SECRET: `whsec_${randomBytes(32).toString("base64")}`,
};

async function report(place: Workplace, options: CommandOptions = {}) {
  const { code, stdout, stderr } = await place.baton(["doctor", "--json"], options);
  const { checks, ...rest } = ReportSchema.parse(JSON.parse(stdout));
  const statuses = (status: string) =>
    checks.filter((check) => check.status === status).map(({ id, subject }) => `${id} ${subject}`);
  return { code, stdout, stderr, checks, ...rest, failed: statuses("failed"), unknown: statuses("unknown") };
}

test("on a machine without problems it exits with 0, and creates nothing", async () => {
  const place = new Workplace(helloFiles);
  const { code, checks, healthy, counts, failed, unknown } = await report(place);
  expect({ code, healthy, failed, unknown }).toEqual({ code: 0, healthy: true, failed: [], unknown: [] });
  expect(checks.map(({ id }) => id)).toEqual([
    "node.version",
    "configuration.variables",
    "workflows.valid",
    "data.folder",
    "data.disk",
    "data.inbox",
    "data.warehouse",
  ]);
  expect(counts.ok + counts.warning).toBe(checks.length);
  expect(existsSync(place.path("data"))).toBe(false);
  const shown = await place.baton(["doctor"]);
  expect(shown.stdout).toMatch(/^ok {7}workflows\.valid {2}workflows: hello$/m);
  expect(shown.stdout).toMatch(/\d+ ok, \d+ warning, 0 failed, 0 unknown\n$/);
});

test("a problem on this machine gives exit code 1, and each finding says what to do", async () => {
  const place = new Workplace({ ...helloFiles, "broken.ts": "throw new Error('no luck');\n" });
  place.write("file", "");
  place.write(
    "data/warehouse.duckdb",
    "this is no database, and it is long enough to be looked at ".repeat(300),
  );
  const inbox = place.path("no'where");
  const { code, healthy, failed, checks } = await report(place, { environment: { BATON_INBOX: inbox } });
  expect({ code, healthy }).toEqual({ code: 1, healthy: false });
  expect(failed).toEqual([
    `workflows.valid ${place.path("workflows/broken.ts")}:1:7`,
    `data.inbox ${inbox}`,
    `data.warehouse ${place.path("data/warehouse.duckdb")}`,
  ]);
  const amiss = checks.filter(({ status }) => status === "failed");
  expect(amiss.every(({ remedy }) => remedy)).toBe(true);
  const shown = await place.baton(["doctor"], { environment: { BATON_INBOX: inbox } });
  expect(shown.stdout).toContain(`failed   data.inbox  ${inbox}\n         found: `);
  expect(shown.stdout).toContain(`what to do: Create the folder`);
  const fixes = await place.baton(["doctor", "--fix-commands"], { environment: { BATON_INBOX: inbox } });
  expect(fixes).toMatchObject({
    code: 1,
    stdout: `baton validate\nmkdir -p '${inbox.replace("'", "'\\''")}'\n`,
  });
  const blocked = await report(place, { environment: { BATON_DATA: place.path("file/data") } });
  expect(blocked.failed).toContain(`data.folder ${place.path("file/data")}`);
});

test("in the cloud without credentials, those fail, and all that needs them is unknown", async () => {
  const { code, checks, failed, unknown } = await report(new Workplace(helloFiles), { environment: cloud });
  expect(code).toBe(1);
  expect(failed).toEqual(["google.credentials application default credentials"]);
  expect(checks.find(({ id }) => id === "google.credentials")?.commands).toEqual([
    "gcloud auth application-default login",
  ]);
  expect(unknown).toContain("pubsub.subscription baton-queue-default-push");
  expect(unknown).toContain("scheduler.sweep europe-west1");
  expect(unknown).toContain("firestore.database (default)");
});

test("variables that are missing are findings; without a project, nothing else can be looked at", async () => {
  const place = new Workplace(helloFiles);
  const { code, failed, checks } = await report(place, { environment: { ...stranger, BATON_ENGINE: "gcp" } });
  expect(code).toBe(2);
  expect(failed).toEqual([
    "configuration.variables BATON_PROJECT",
    "configuration.variables BATON_BUCKET",
    "configuration.variables BATON_LOCATION",
    "configuration.variables BATON_CALLBACK_SECRET",
    "configuration.variables BATON_SERVICE_ACCOUNT",
  ]);
  expect(checks.map(({ id }) => id)).not.toContain("firestore.database");
});

test("a variable that is wrong is a finding, and wrong usage", async () => {
  const environment = { BATON_LEASE: "soon", BATON_CONCURRENCY: "0" };
  const { code, failed } = await report(new Workplace(helloFiles), { environment });
  expect(code).toBe(2);
  expect(failed).toEqual([
    "configuration.variables BATON_LEASE",
    "configuration.variables BATON_CONCURRENCY",
  ]);
});

test("an address of traces that is none is one finding, and all else is looked at", async () => {
  const environment = { BATON_TRACES: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" };
  const place = new Workplace(helloFiles);
  const { code, failed, checks } = await report(place, { environment });
  expect({ code, failed }).toEqual({
    code: 1,
    failed: ["configuration.variables OTEL_EXPORTER_OTLP_ENDPOINT"],
  });
  expect(checks.find(({ status }) => status === "failed")).toMatchObject({
    found: "it is wrong",
    expected: "Write an http:// or https:// address",
  });
  expect(checks.map(({ id }) => id)).toEqual(expect.arrayContaining(["workflows.valid", "data.folder"]));
  const unused = await report(place, { environment: { ...environment, BATON_TRACES: "none" } });
  expect({ code: unused.code, failed: unused.failed }).toEqual({ code: 0, failed: [] });
});

test("a secret by reference is read, never shown, and reported when it can't be read", async () => {
  const server = await startSecretManagerServer();
  onTestFinished(() => server.close());
  const value = `whsec_${randomBytes(32).toString("base64")}`;
  const name = server.add("projects/p/secrets/callbacks", value);
  const withSecret = (reference: string) => ({
    environment: { BATON_SECRET_MANAGER_ENDPOINT: server.url, BATON_CALLBACK_SECRET: reference },
  });
  const place = new Workplace(helloFiles);
  const read = await report(place, withSecret(name));
  expect({ code: read.code, failed: read.failed }).toEqual({ code: 0, failed: [] });
  expect(read.checks.map(({ id }) => id)).toContain("configuration.secrets");
  expect(read.stdout + read.stderr).not.toContain(value.slice(6));
  const missing = await report(place, withSecret("projects/p/secrets/callbacks/versions/7"));
  expect({ code: missing.code, failed: missing.failed }).toEqual({
    code: 1,
    failed: ["configuration.secrets BATON_CALLBACK_SECRET"],
  });
  const listed = await place.baton(["batches"], withSecret("projects/p/secrets/callbacks/versions/7"));
  expect(listed.code).toBe(1);
  expect(listed.stderr).toContain("error SECRET_UNAVAILABLE: BATON_CALLBACK_SECRET can't be read: ");
  expect((await place.baton(["batches"], withSecret(name))).code).toBe(0);
});

test("an option that there is not is wrong usage", async () => {
  expect((await new Workplace(helloFiles).baton(["doctor", "--frobnicate"])).code).toBe(2);
});
