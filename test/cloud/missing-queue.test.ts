import { expect, onTestFinished, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { freePort } from "./function-process.ts";
import { startCloud } from "./world.ts";

const importsYaml = `workflow: imports
on:
  - schedule: "0 5 * * *"
  - fileDrop: "*.csv"
tasks:
  - id: fetch
    type: http
    queue: imports
    with: { url: "https://example.com/" }
  - id: tables
    type: http
    queue: a-second
    with: { url: "https://example.com/" }
`;
const plainYaml = `workflow: plain
tasks:
  - id: fetch
    type: http
    with: { url: "https://example.com/" }
`;

async function deployed() {
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${await freePort()}` });
  onTestFinished(() => cloud.close());
  const place = new Workplace({}, cloud.environment);
  place.write("imports.yaml", importsYaml);
  place.write("plain.yaml", plainYaml);
  return { cloud, place };
}

test("apply prints what the deployment needs for the stored workflow", async () => {
  const { place } = await deployed();
  const applied = await place.baton(["apply", "imports.yaml"]);
  expect(applied).toMatchObject({ code: 0, stderr: "" });
  expect(applied.stdout).toContain(
    "  BATON_DEPLOY_QUEUES=a-second,imports BATON_DEPLOY_FILE_TRIGGERS=true BATON_DEPLOY_SCHEDULES=true\n",
  );
  const asJson = await place.baton(["apply", "imports.yaml", "--json"]);
  expect(asJson.json).toMatchObject({
    applied: true,
    needs: {
      BATON_DEPLOY_QUEUES: "a-second,imports",
      BATON_DEPLOY_FILE_TRIGGERS: "true",
      BATON_DEPLOY_SCHEDULES: "true",
    },
  });
  const plain = await place.baton(["apply", "plain.yaml"]);
  expect(plain.stdout).toBe("applied plain (1 tasks)\n");
  const here = await place.baton(["apply", "imports.yaml"], { environment: { BATON_ENGINE: "embedded" } });
  expect(here.stdout).toBe("applied imports (2 tasks)\n");
});

test("remove deletes it, and prints what the deployment needed for it", async () => {
  const { place } = await deployed();
  await place.baton(["apply", "imports.yaml"]);
  const removed = await place.baton(["remove", "imports"]);
  expect(removed).toMatchObject({ code: 0, stderr: "" });
  expect(removed.stdout).toContain("removed imports");
  expect(removed.stdout).toContain("BATON_DEPLOY_QUEUES=a-second,imports");
  expect(await place.baton(["remove", "imports"])).toMatchObject({ code: 2 });
  expect((await place.baton(["workflows", "--json"])).list).toEqual([]);
});

test("a run whose queue has no topic names the batch that it has started, and what to do", async () => {
  const { cloud, place } = await deployed();
  await place.baton(["apply", "imports.yaml"]);
  const { code, stderr } = await place.baton(["run", "imports", "--input", "null"]);
  expect(code).toBe(1);
  const [batch] = (await place.baton(["batches", "--json"])).list;
  const batchId = batch?.batchId ?? "there is none";
  expect(stderr).toContain("error TOPIC_MISSING");
  expect(stderr).toContain(`Batch ${batchId} was started, but its tasks were not published`);
  expect(stderr).toContain("BATON_DEPLOY_QUEUES");
  expect(stderr).toContain(`baton cancel ${batchId}`);
  expect(await cloud.open([]).engine.admin.status(batchId)).toMatchObject({ status: "RUNNING" });
});
