import { join } from "node:path";
import { expect } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { TaskError, workflow } from "../../src/index.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";
import { documentsIn, filesIn } from "../support/stored.ts";

export const byPerson = { key: { fields: ["person"] } };

export interface World {
  readonly app: EmbeddedApp;
  readonly data: string;
  /** The ports, without the wrappers of a test. */
  readonly ports: Dependencies;
}

export function opened(
  workflows: Parameters<typeof testApp>[0]["workflows"],
  between: (dependencies: Dependencies) => Dependencies = (dependencies) => dependencies,
): World {
  const data = temporaryFolder();
  const captured: Dependencies[] = [];
  const app = testApp({
    data,
    workflows,
    environment: { BATON_HTTP_ALLOW_PRIVATE: "true" },
    around(dependencies) {
      captured.push(dependencies);
      return between(dependencies);
    },
  });
  app.work.start();
  const [ports] = captured;
  if (!ports) throw new Error("No engine was made");
  return { app, data, ports };
}

export async function start(
  { app }: World,
  workflowId: string,
  person: string,
  key = person,
): Promise<string> {
  const { batchId } = await app.engine.start({ kind: "start", workflowId, key, input: { person } });
  return batchId;
}

/** Documents, results, files and folders. */
export async function all({ ports, data }: World): Promise<string[]> {
  const files = ["results", "dead-letters"].flatMap((bucket) =>
    filesIn(join(data, bucket)).map((name) => `file ${bucket}/${name}`),
  );
  const { objects } = await ports.objects.list({ bucket: "results", prefix: "" }, { limit: 10_000 });
  const results = objects.map(({ object }) => `file results/${object}`);
  return [...(await documentsIn(ports.store)), ...new Set([...files, ...results])];
}

/** Fails or waits as its input says; calls of the same person share what is known. */
export const called = workflow("called").task(
  "call",
  async ({ input, step }) => {
    const { how = "" } = Object(input);
    await step(`${how} step`, () => how);
    if (how === "fails") throw new TaskError("Ada is not known", { retryable: false });
    if (how === "waits") await step.waitForEvent("answer", { timeout: "1d" });
    return how;
  },
  { idempotency: byPerson },
);

export async function call(world: World, how: string): Promise<string> {
  const { batchId } = await world.app.engine.start({
    kind: "start",
    workflowId: "called",
    input: { person: "Ada", how },
  });
  if (how === "waits")
    await expect
      .poll(async () => (await world.app.engine.admin.show(batchId)).tasks[0]?.reason)
      .toBe("event");
  else await untilEnded(world.app, batchId);
  return batchId;
}

export const key = "called/call?person=Ada";
