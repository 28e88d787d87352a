import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { Evaluation } from "./evaluate.ts";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const files = await readTerraform();
const evaluation = new Evaluation(files, {
  project: "some-project",
  region: "europe-west1",
  prefix: "test-env",
});

const MetricSchema = z.object({
  description: z.string(),
  filter: z.string(),
  labels: z.record(z.string(), z.string()),
});
const metrics = Object.entries(z.record(z.string(), MetricSchema).parse(files.locals.log_metrics));

/** The code whose lines reach the log of the function. */
const code = globSync(
  ["engine", "runtime", "entry", "app", "configuration", "telemetry"].map(
    (room) => `${root}src/${room}/**/*.ts`,
  ),
)
  .map((path) => readFileSync(path, "utf8"))
  .join("\n");

test.each(metrics)(
  "the metric %s counts lines that the code logs, with the fields that its labels are of",
  (_, { filter, labels }) => {
    const messages = [...filter.matchAll(/"([^"]+)"/g)].map(([, message]) => message);
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) {
      const [line] = new RegExp(`logger\\.(info|warn|error)\\(\\s*"${message}",[^;]*;`).exec(code) ?? [];
      expect([message, line]).toEqual([message, expect.any(String)]);
      for (const [, field] of Object.values(labels).map((path) => path.split(".")))
        expect(line).toMatch(new RegExp(`\\b${field}\\b`));
    }
  },
);

test("only lines of this function are counted", () => {
  const metric = files.resource("google_logging_metric.log");
  expect(metric.filter).toBe(`${expression("local.function_log")} AND ${expression("each.value.filter")}`);
  expect(evaluation.local("function_log")).toBe(
    'resource.type="cloud_run_revision" AND resource.labels.service_name="test-env"',
  );
  expect(evaluation.value(metric.name, { "each.key": "dead_letters" })).toBe("test-env/dead_letters");
});

const promql = String(files.locals.log_alerts);

test.each(["dead_letters", "batches_stuck", "schedules_failed", "batches_failed", "callbacks_given_up"])(
  "an alert reports %s",
  (name) => {
    expect(metrics.map(([metric]) => metric)).toContain(name);
    expect(promql).toContain(`increase(\${local.promql.${name}}[`);
  },
);

test("an alert reports failed batches unless it is switched off", () => {
  expect(promql).toMatch(/var\.alert_failed_batches \? \{\s+"batch-failed" = \{/);
  expect(files.variables.alert_failed_batches?.default).toBe(true);
  expect(promql).toContain(`sum by (workflow) (increase(\${local.promql.batches_failed}[30m])) > 0`);
});

test("alerts use the names of the metrics that are created", () => {
  expect(String(files.locals.promql)).toContain(
    `"\${local.promql_prefix}_\${name}{monitored_resource=\\"cloud_run_revision\\"}"`,
  );
  expect(files.locals.promql_prefix).toBe(
    `logging_googleapis_com:user_${expression('replace(var.prefix, "-", "_")')}`,
  );
  const used = new Set([...promql.matchAll(/local\.promql\.(\w+)/g)].map(([, name]) => name));
  expect([...used].filter((name) => !metrics.some(([metric]) => metric === name))).toEqual([]);
});

test("an alert reports that no sweep or tick was published for 20 minutes", () => {
  expect(promql).toContain(`${expression("local.promql_runs.sweep")} < 1`);
  expect(promql).toContain(`${expression("local.promql_runs.tick")} < 1`);
  expect(String(files.locals.promql_runs)).toContain('for kind in ["sweep", "tick"]');
  const { filter } = files.resource("google_logging_metric.scheduler_runs");
  expect(filter).toContain("for job in google_cloud_scheduler_job.minute");
});

test("every alert on a log metric has a window of at least 20 minutes, since metrics may be ten minutes late", () => {
  const asked = [...files.texts].filter(([name]) => name.startsWith("alerts")).map(([, text]) => text);
  const spans = [...asked.join("").matchAll(/increase\(\$\{local\.promql[^[]+\[(\d+)m\]/g)];
  expect(spans.length).toBeGreaterThan(3);
  for (const [text, minutes] of spans) expect([text, Number(minutes) >= 20]).toEqual([text, true]);
});

test("alerts report messages that wait, were given up, or that the function fails at", () => {
  const alerts = z
    .record(z.string(), z.object({ filter: z.string(), threshold: z.number() }))
    .parse(files.locals.service_alerts);
  expect(evaluation.value(alerts.undelivered?.filter)).toContain('subscription_id="test-env-dead-letters"');
  expect(alerts.undelivered?.threshold).toBe(0);
  const pattern = new RegExp(String(evaluation.local("push_subscriptions")));
  const ours = ["test-env-control-push", "test-env-callbacks-push", "test-env-queue-default-push"];
  for (const name of ours) expect(name).toMatch(pattern);
  for (const name of ["test-env-2-control-push", "test-env-dead-letters", "baton-control-push"])
    expect(name).not.toMatch(pattern);
  // Longer than a push that takes all its time, and its repetition.
  expect(alerts["old-messages"]?.threshold).toBeGreaterThan(1_200);
  const [condition] = z
    .array(z.object({ condition_threshold: z.array(z.record(z.string(), z.unknown())) }))
    .parse(files.resource("google_monitoring_alert_policy.errors").conditions);
  expect(condition?.condition_threshold[0]).toMatchObject({
    denominator_filter: expression("local.function_requests"),
    filter: expect.stringContaining('response_code_class="5xx"'),
    threshold_value: 0.05,
  });
});

const taskQueues = new RegExp(String(evaluation.local("task_queues")));

test("an alert reports a Cloud Tasks queue whose tasks fail for longer than the longest back-off", () => {
  const alerts = z
    .record(z.string(), z.object({ filter: z.string(), threshold: z.number(), period: z.string() }))
    .parse(files.locals.service_alerts);
  const alert = alerts["failed-tasks"];
  expect(alert?.filter).toContain(`monitoring.regex.full_match("${expression("local.task_queues")}")`);
  expect(alert?.filter).toContain('metric.labels.response_code!="ok"');
  for (const name of ["test-env-timers", "test-env-queue-documents"]) expect(name).toMatch(taskQueues);
  for (const name of ["test-env-2-timers", "baton-timers", "test-env-queue"])
    expect(name).not.toMatch(taskQueues);
  const pauses = ["timers", "limited"].map((queue) => {
    const [retry] = z
      .array(z.object({ max_backoff: z.string() }))
      .parse(files.resource(`google_cloud_tasks_queue.${queue}`).retry_config);
    return Number.parseInt(retry?.max_backoff ?? "", 10);
  });
  expect(Number.parseInt(alert?.period ?? "", 10)).toBeGreaterThan(Math.max(...pauses));
  expect(alert?.threshold).toBe(0);
});

test("the dashboard shows what waits in each Cloud Tasks queue of the environment, and of no other", () => {
  const queries = z
    .array(z.object({ query: z.string() }))
    .parse(files.locals.charts)
    .map(({ query }) => query)
    .filter((query) => query.includes("queue_depth"));
  expect(queries).toEqual([
    expect.stringMatching(/^sum by \(queue_id\) .*queue_id=~"\$\{local\.task_queues\}"/),
  ]);
});

test("every alert is sent to all configured addresses, and says what to do", () => {
  const policies = files.resources.filter(({ type }) => type === "google_monitoring_alert_policy");
  expect(policies.map(({ name }) => name).sort()).toEqual(["errors", "log", "service"]);
  for (const { block } of policies) {
    expect(block.notification_channels).toBe(expression("local.channels"));
    expect(inner(block, "documentation").content).toContain("docs/operations.md");
  }
});
