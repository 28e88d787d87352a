import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { taskQueueName } from "../../src/core/queues.ts";
import { planDeployment, terraformVariables } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";
import { Evaluation } from "./evaluate.ts";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const place = { BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1" };
const queue = files.resource("google_cloud_tasks_queue.limited");

/** What `baton deploy` writes for Terraform. */
function written(environment: Readonly<Record<string, string>> = {}) {
  return terraformVariables(planDeployment(readTarget({ ...place, ...environment }, {}), []));
}

test("each queue of BATON_QUEUES has its Cloud Tasks queue, under the name that tasks are put into", () => {
  const given = written({ BATON_QUEUES: "documents=2,websites=4@30/m" });
  expect(given.queue_limits).toEqual({
    documents: { concurrency: 2, rate: null },
    websites: { concurrency: 4, rate: "30/m" },
  });
  const evaluation = new Evaluation(files, given);
  expect(queue.for_each).toBe(expression("var.queue_limits"));
  expect(evaluation.value(queue.name, { "each.key": "documents" })).toBe(taskQueueName("baton", "documents"));
  expect(queue.location).toBe(expression("var.region"));
  expect(files.variables.queue_limits?.type).toBe(
    expression("map(object({ concurrency = number, rate = optional(string) }))"),
  );
});

test("it keeps its topic, so that messages in flight when it got limits are still delivered", () => {
  expect(written({ BATON_QUEUES: "documents=2" }).queues).toEqual(["default", "documents"]);
});

test("it has its topic also where only its limits name it", () => {
  const evaluation = new Evaluation(files, {
    prefix: "baton",
    queue_limits: { documents: { concurrency: 2 } },
  });
  expect(evaluation.local("queue_topics")).toEqual(["baton-queue-default", "baton-queue-documents"]);
});

test("it has the limits that were named, and is patient", () => {
  expect(inner(queue, "rate_limits")).toEqual({
    max_concurrent_dispatches: expression("each.value.concurrency"),
    max_dispatches_per_second: expression("local.dispatches_per_second[each.key]"),
  });
  expect(inner(queue, "retry_config")).toEqual({
    max_attempts: -1,
    min_backoff: "10s",
    max_backoff: "600s",
  });
  expect(JSON.stringify(inner(queue, "lifecycle"))).toContain(`<= ${limits.dispatchesPerSecond}`);
});

test("without BATON_QUEUES there is none of it", () => {
  expect(written().queue_limits).toEqual({});
  expect(files.variables.queue_limits?.default).toEqual({});
  const dependent = files.resources.filter(({ block }) =>
    /limit/.test(String(block.for_each ?? block.count)),
  );
  expect(dependent.map(({ type, name }) => `${type}.${name}`).sort()).toEqual([
    "google_cloud_tasks_queue.limited",
    "google_cloud_tasks_queue_iam_member.console_limited_enqueuer",
    "google_cloud_tasks_queue_iam_member.console_limited_viewer",
    "google_cloud_tasks_queue_iam_member.deployer_limited_enqueuer",
    "google_cloud_tasks_queue_iam_member.deployer_limited_viewer",
    "google_cloud_tasks_queue_iam_member.function_limited_enqueuer",
    "google_cloud_tasks_queue_iam_member.function_limited_viewer",
    "google_service_account_iam_member.console_as_push",
    "google_service_account_iam_member.deployer_as_push",
    "google_service_account_iam_member.function_as_push",
  ]);
});

test("who puts tasks into them may name the account that calls the function", () => {
  for (const account of ["function", "deployer"])
    expect(files.resource(`google_service_account_iam_member.${account}_as_push`)).toMatchObject({
      count: expression("length(var.queue_limits) > 0 ? 1 : 0"),
      service_account_id: expression("google_service_account.push.name"),
      role: "roles/iam.serviceAccountUser",
      member: expression(`google_service_account.${account}.member`),
    });
});

test("names and limits that Cloud Tasks refuses are refused before it is asked", () => {
  const conditions =
    files.variables.queue_limits?.validation.map(({ condition }) => condition).join("\n") ?? "";
  expect(conditions).toContain("[A-Za-z0-9-]{0,63}");
  expect(conditions).toContain(`<= ${limits.concurrentDispatches}`);
  const refused = {
    "we_b=2": "allows no _",
    "web=5001": "5000 tasks of a queue at once",
    "web=2@501/s": "500 tasks of a queue in a second",
    "web=2@2000000/h": "rate",
  };
  for (const [text, problem] of Object.entries(refused))
    expect(() => written({ BATON_QUEUES: text }), text).toThrow(problem);
});
