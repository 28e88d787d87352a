import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import type { CheckGroup } from "../../src/doctor/check.ts";
import { cloudTasksGroups } from "../../src/doctor/cloud-tasks.ts";
import type { CloudContext } from "../../src/doctor/google.ts";
import { pubSubGroups } from "../../src/doctor/pubsub.ts";
import { GoogleApiError, type GoogleRest } from "../../src/ports/http.ts";
import { Evaluation } from "./evaluate.ts";
import { inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const evaluation = new Evaluation(files, {});
const configuration = readConfiguration({
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "some-project",
  BATON_LOCATION: "europe-west1",
  BATON_BUCKET: "some-bucket",
  BATON_AUDIENCE: "https://function.example",
  BATON_CALLERS: "push@some-project.iam.gserviceaccount.com",
  BATON_SERVICE_ACCOUNT: "baton@some-project.iam.gserviceaccount.com",
  BATON_QUEUES: "documents=2",
});

/** A project in which nothing is. */
const nothing: GoogleRest = {
  async call() {
    throw new GoogleApiError(404, "There is none");
  },
};

function context(): CloudContext {
  const { google } = configuration;
  if (!google) throw new Error("It is asked for");
  const services = {
    firestore: nothing,
    pubSub: nothing,
    cloudTasks: nothing,
    storage: nothing,
    bigQuery: nothing,
    scheduler: nothing,
    resourceManager: nothing,
    iam: nothing,
  };
  return { configuration, google, caller: { account: undefined, expected: undefined }, services };
}

/** The flags of the command that creates what a check looks for. */
async function flagsOf(groups: readonly CheckGroup[], subject: string): Promise<Map<string, string>> {
  const group = groups.find((one) => one.subject === subject);
  const [result] = (await group?.run(new AbortController().signal)) ?? [];
  const command = result?.commands.find((one) => one.includes(" create "));
  const given = [...(command ?? "").matchAll(/ --([a-z-]+)=(\S+)/g)];
  return new Map(given.map(([, name = "", value = ""]) => [name, value]));
}

test("a subscription that the doctor lets create is as infra/ has it", async () => {
  const push = files.resource("google_pubsub_subscription.push");
  const retry = inner(push, "retry_policy");
  const flags = await flagsOf(pubSubGroups(context(), ["default"]), "baton-queue-default-push");
  expect(Object.fromEntries(flags)).toMatchObject({
    "ack-deadline": String(evaluation.variable("ack_deadline_seconds")),
    "min-retry-delay": retry.minimum_backoff,
    "max-retry-delay": retry.maximum_backoff,
    "max-delivery-attempts": String(inner(push, "dead_letter_policy").max_delivery_attempts),
  });
  expect(push.message_retention_duration).toBe(
    `${Number.parseInt(flags.get("message-retention-duration") ?? "", 10) * 86_400}s`,
  );
  expect(inner(push, "expiration_policy").ttl).toBe("");
  expect(flags.get("expiration-period")).toBe("never");
});

test("so are the queues of Cloud Tasks", async () => {
  const retryOf = (name: string) => inner(files.resource(`google_cloud_tasks_queue.${name}`), "retry_config");
  const timer = await flagsOf(cloudTasksGroups(context()), "baton-timers");
  const { max_attempts, min_backoff, max_backoff, max_doublings } = retryOf("timers");
  expect(Object.fromEntries(timer)).toMatchObject({
    "max-attempts": String(max_attempts),
    "min-backoff": min_backoff,
    "max-backoff": max_backoff,
    "max-doublings": String(max_doublings),
  });
  const limited = await flagsOf(cloudTasksGroups(context()), "baton-queue-documents");
  expect(retryOf("limited").max_attempts).toBe(-1);
  expect(Object.fromEntries(limited)).toMatchObject({
    "max-attempts": "unlimited",
    "min-backoff": retryOf("limited").min_backoff,
    "max-backoff": retryOf("limited").max_backoff,
  });
});
