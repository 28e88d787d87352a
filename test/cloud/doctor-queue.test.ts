import { expect, onTestFinished, test } from "vitest";
import { noFaults } from "../servers/kit/faults.ts";
import { serveGrpc } from "../servers/kit/grpc-server.ts";
import { packagedProtos } from "../servers/kit/packaged-protos.ts";
import { deployment } from "./doctor-place.ts";

/** A Cloud Tasks that tells of one queue, and of what its caller may do there. */
async function cloudTasks(queue: object, granted: readonly string[]) {
  const server = await serveGrpc(
    [
      {
        service: "google.cloud.tasks.v2.CloudTasks",
        protos: packagedProtos("@google-cloud/tasks", "build/protos/protos.json"),
        handlers: {
          GetQueue: ({ name }: { name: string }) => ({ name, ...queue }),
          TestIamPermissions: ({ permissions }: { permissions: readonly string[] }) => ({
            permissions: permissions.filter((permission) => granted.includes(permission)),
          }),
        },
      },
    ],
    noFaults,
  );
  onTestFinished(() => server.close());
  return { CLOUD_TASKS_EMULATOR_HOST: server.host };
}

test("a queue that is paused, gives up soon, and can't be looked into", async () => {
  const { diagnose } = await deployment();
  const retryConfig = { maxAttempts: 3, maxRetryDuration: { seconds: 60 } };
  const host = await cloudTasks({ state: "PAUSED", retryConfig }, ["cloudtasks.tasks.create"]);
  const findings = await diagnose(host);
  expect(findings.wrong).toEqual([
    "failed tasks.state baton-timers",
    "warning tasks.retry baton-timers",
    "failed tasks.permissions baton-timers",
  ]);
  const place = "--location=europe-west1 --project=test-project";
  expect(findings.of("tasks.state", "baton-timers").commands).toEqual([
    `gcloud tasks queues resume baton-timers ${place}`,
  ]);
  expect(findings.of("tasks.retry", "baton-timers").found).toBe("3 attempts, for 60 s");
  const member = "--member=serviceAccount:baton@test-project.iam.gserviceaccount.com";
  expect(findings.of("tasks.permissions", "baton-timers")).toMatchObject({
    found: expect.stringContaining("lacks cloudtasks.tasks.get"),
    commands: [
      `gcloud tasks queues add-iam-policy-binding baton-timers ${member} --role=roles/cloudtasks.enqueuer ${place}`,
      `gcloud tasks queues add-iam-policy-binding baton-timers ${member} --role=roles/cloudtasks.viewer ${place}`,
    ],
  });
});

test("a queue that runs and tries without end is sound", async () => {
  const { diagnose } = await deployment();
  const granted = ["cloudtasks.tasks.create", "cloudtasks.tasks.get"];
  const host = await cloudTasks({ state: "RUNNING", retryConfig: { maxAttempts: -1 } }, granted);
  const findings = await diagnose(host);
  expect(findings.wrong).toEqual([]);
  expect(findings.unknown).toEqual(["google.credentials application default credentials"]);
});
