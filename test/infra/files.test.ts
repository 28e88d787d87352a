import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const folder = fileURLToPath(new URL("../../infra/", import.meta.url));

test("versions of Terraform and of the provider have a lower and an upper bound", () => {
  const range = /^>= \d+\.\d+\.\d+, < \d+\.0\.0$/;
  expect(files.settings.required_version).toMatch(range);
  const [providers] = Object.values(inner(files.settings, "required_providers"));
  expect(providers).toMatchObject({ source: "hashicorp/google", version: expect.stringMatching(range) });
});

test("every variable and output says what it is", () => {
  const entries = Object.entries({ ...files.variables, ...files.outputs });
  expect(entries.length).toBeGreaterThan(30);
  for (const [name, { description }] of entries)
    expect([name, description]).toEqual([name, expect.stringMatching(/^.{10,}\.$/)]);
});

test("every variable that is no switch is validated, with a message that says what to write", () => {
  for (const [name, { type, validation }] of Object.entries(files.variables)) {
    if (type !== expression("bool")) expect([name, validation.length]).not.toEqual([name, 0]);
    for (const { condition, error_message } of validation) {
      expect(error_message).toMatch(/^[A-Z0-9].*\.$/);
      // Before 1.9, a validation may look at its own variable only.
      const asked = [...condition.matchAll(/\bvar\.(\w+)/g)].map(([, variable]) => variable);
      expect([...new Set(asked)]).toEqual([name]);
    }
  }
});

test("only project and region have to be given", () => {
  const needed = Object.entries(files.variables).filter(([, variable]) => variable.default === undefined);
  expect(needed.map(([name]) => name).sort()).toEqual(["project", "region"]);
});

test("every variable is used", () => {
  const all = [...files.texts.values()].join("\n").replaceAll(/^variable "\w+" \{[\s\S]*?^\}/gm, "");
  for (const name of Object.keys(files.variables))
    expect([name, all.includes(`var.${name}`)]).toEqual([name, true]);
});

test("a comment before each resource says what it is for", () => {
  for (const [name, text] of files.texts) {
    const lines = text.split("\n");
    const bare = lines.filter(
      (line, at) => /^(resource|data) /.test(line) && !lines[at - 1]?.startsWith("#"),
    );
    expect([name, bare]).toEqual([name, []]);
  }
});

test("files are small, and each is of one concern", () => {
  for (const [name, text] of files.texts) expect([name, text.split("\n").length < 150]).toEqual([name, true]);
});

test("buckets have no public objects, and no list of readers for each", () => {
  const buckets = files.resources.filter(({ type }) => type === "google_storage_bucket");
  expect(buckets).toHaveLength(2);
  for (const { block } of buckets)
    expect(block).toMatchObject({
      public_access_prevention: "enforced",
      uniform_bucket_level_access: true,
      versioning: [{ enabled: true }],
      soft_delete_policy: [{ retention_duration_seconds: expression("local.soft_delete_seconds") }],
    });
  expect(files.locals.soft_delete_seconds).toBe(7 * 86_400);
});

test("messages are kept in the region, wherever they are published", () => {
  const topics = files.resources.filter(({ type }) => type === "google_pubsub_topic");
  expect(topics).toHaveLength(2);
  for (const { block } of topics)
    expect(block.message_storage_policy).toEqual([
      { allowed_persistence_regions: [expression("var.region")] },
    ]);
});

test("every resource that can have labels is labelled with its deployment", () => {
  expect(files.texts.get("versions.tf")).toMatch(
    /default_labels = \{\n\s+app\s+= "baton"\n\s+deployment = var\.prefix\n/,
  );
});

test("no rule deletes an object that is current: definitions and results are asked for however late", () => {
  const buckets = files.resources.filter(({ type }) => type === "google_storage_bucket");
  for (const { block } of buckets) {
    expect(block.lifecycle_rule).toEqual([
      {
        action: [{ type: "Delete" }],
        condition: [{ with_state: "ARCHIVED", days_since_noncurrent_time: 30 }],
      },
      { action: [{ type: "AbortIncompleteMultipartUpload" }], condition: [{ age: 7 }] },
    ]);
  }
});

test("a resource is created after its API is enabled", () => {
  const services = new Set(JSON.stringify(files.locals.required_apis).match(/[a-z]+\.googleapis\.com/g));
  const optional = JSON.stringify(files.locals.optional_apis);
  for (const [name, text] of files.texts)
    for (const [, service = ""] of text.matchAll(/google_project_service\.this\["([^"]+)"\]/g))
      expect([name, service, services.has(service) || optional.includes(service)]).toEqual([
        name,
        service,
        true,
      ]);
});

test("no data source waits for a service to be enabled: all that depends on it would be replaced", () => {
  const asked = [...files.texts.values()].flatMap((text) => [
    ...text.matchAll(/^data "\w+" "\w+" \{[\s\S]*?^\}/gm),
  ]);
  const late = asked.map(([text]) => text).filter((text) => text.includes("depends_on"));
  // The one is only asked so that it is made: its name is not taken from the answer.
  expect(late).toEqual([expect.stringMatching(/^data "google_storage_project_service_account"/)]);
  const read = [...files.texts.values()]
    .join("\n")
    .match(/data\.google_storage_project_service_account\.this[^\s\]]+/g);
  expect(read).toBeNull();
});

test("what counts lines of the log is made after its service is switched on", () => {
  for (const name of ["log", "scheduler_runs"])
    expect(files.resource(`google_logging_metric.${name}`).depends_on).toEqual([
      expression('google_project_service.this["logging.googleapis.com"]'),
    ]);
});

test("the versions of the provider that a deployment chose can be kept with its code", () => {
  const root = readFileSync(`${folder}../.gitignore`, "utf8");
  const ignored = [...readFileSync(`${folder}.gitignore`, "utf8").split("\n"), ...root.split("\n")];
  expect(ignored.filter((pattern) => pattern.includes("lock"))).toEqual([]);
});

test("no state, plan, or value of a deployment is kept with the code", () => {
  const ignored = readFileSync(`${folder}.gitignore`, "utf8").split("\n");
  for (const pattern of [".terraform/", "*.tfstate*", "*.tfplan", "*.tfvars.json", "backend.tf"])
    expect(ignored).toContain(pattern);
  expect(existsSync(`${folder}backend.tf.example`)).toBe(true);
});
