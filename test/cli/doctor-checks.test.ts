import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { permissions } from "../../src/configuration/google-requirements.ts";
import { type CheckGroup, checkResult, checks, gcloud, runChecks } from "../../src/doctor/check.ts";

import { checkPermissions } from "../../src/doctor/google.ts";

const page = readFileSync(new URL("../../docs/doctor.md", import.meta.url), "utf8");

const sound: CheckGroup = {
  id: "pubsub.topic",
  subject: "here",
  run: () => [checkResult("pubsub.topic", "here", { holds: true, found: "it", expected: "it" })],
};
const group = (run: CheckGroup["run"]): CheckGroup => ({ id: "tasks.queue", subject: "there", run });
const options = { timeoutMs: 200, projectId: "p", isLocal: false };

test("the page lists every check, and no other", () => {
  const listed = [...page.matchAll(/^\| `([a-z]+\.[a-z-]+)` \| (.+?) \|/gm)].map(([, id, title]) => [
    id,
    title,
  ]);
  expect(listed).toEqual(Object.entries(checks));
});

test("the page lists every permission, and no other", () => {
  const listed = [...page.matchAll(/^\| `([\w.]+)` \| ([\w ]+) \|/gm)].map(
    ([, permission]) => permission ?? "",
  );
  const all = Object.values(permissions).flatMap(({ needs }) => Object.keys(needs));
  expect(listed.filter((name) => all.includes(name))).toEqual(all);
  expect(listed.filter((name) => name.split(".").length === 3 && !all.includes(name))).toEqual([]);
});

test("a check that never ends is unknown, and the others report what they found", async () => {
  let isAborted = false;
  const endless = group((signal) => {
    signal.addEventListener("abort", () => {
      isAborted = true;
    });
    return new Promise(() => {});
  });
  const results = await runChecks([endless, sound], options);
  expect(results.map(({ id, status }) => [id, status])).toEqual([
    ["tasks.queue", "unknown"],
    ["pubsub.topic", "ok"],
  ]);
  expect(results[0]?.found).toBe("No answer came within 0.2 s");
  expect(isAborted).toBe(true);
});

test("a check that throws at once or later is unknown, and says why", async () => {
  const now = group(() => {
    throw new Error("at once");
  });
  const later = group(async () => {
    throw new Error("later");
  });
  const results = await runChecks([now, later, sound], options);
  expect(results.map(({ status, found }) => `${status} ${found}`)).toEqual([
    "unknown at once",
    "unknown later",
    "ok it",
  ]);
});

test("without credentials nothing is failed but the credentials", async () => {
  const [result] = await runChecks(
    [group(() => Promise.reject(new Error("Could not load the default credentials.")))],
    options,
  );
  expect(result).toMatchObject({ status: "unknown", remedy: "Fix google.credentials first." });
});

test("what another account lacks is a warning, with whom to ask as", () => {
  const { google } = readConfiguration({
    BATON_ENGINE: "gcp",
    BATON_PROJECT: "p",
    BATON_BUCKET: "some-bucket",
  });
  if (!google) throw new Error("The engine is gcp");
  const expected = "baton@p.iam.gserviceaccount.com";
  const judged = (account: string | undefined) => {
    const context = { google, caller: { account, expected } };
    return checkPermissions(context, "bigquery.permissions", "p", permissions.bigQueryJobs, []);
  };
  expect(judged(expected).status).toBe("failed");
  expect(judged(undefined).status).toBe("failed");
  const other = judged("someone@example.com");
  expect(other).toMatchObject({
    status: "warning",
    remedy: expect.stringContaining("--impersonate-service-account"),
    commands: [
      `gcloud projects add-iam-policy-binding p --member=serviceAccount:${expected} ` +
        "--role=roles/bigquery.jobUser --condition=None",
    ],
  });
  expect(other.found).toMatch(/^someone@example.com lacks /);
});

test("a command is quoted for a shell", () => {
  expect(
    gcloud("a b", ["(default)", "it's"], { x: 'two "words"', y: true, z: undefined, n: "1", e: "a+b@c.d" }),
  ).toBe(`gcloud a b '(default)' 'it'\\''s' --x='two "words"' --y --n=1 --e=a+b@c.d`);
});
