import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../scripts/", import.meta.url));

/** What a shell has that has read the file of a deployment, and what would spoil what is tried here. */
const ofDeployment = {
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "my-project",
  BATON_BUCKET: "my-project-baton",
  BATON_LOCATION: "europe-west1",
  BATON_QUEUES: "no queue",
};

test("the demonstration ends with a report, also in a shell with the variables of a deployment", async () => {
  const environment = { ...process.env, ...ofDeployment };
  const { stdout } = await promisify(execFile)(process.execPath, [`${folder}demo.js`], { env: environment });
  expect(stdout).toMatch(/ SUCCESS [\s\S]*report: .*sales\.html/);
});
