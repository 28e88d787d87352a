import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a shell has that has read the file of a deployment, and what would spoil what is tried here. */
const ofDeployment = {
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "my-project",
  BATON_BUCKET: "my-project-baton",
  BATON_LOCATION: "europe-west1",
  BATON_QUEUES: "no queue",
};

test.each([["scripts/demo.js"], ["scripts/sample.js", "search-index"]])(
  "%s %s runs here, also in a shell with the variables of a deployment",
  (...parameters) => {
    const { status, stderr } = spawnSync(
      process.execPath,
      parameters.filter((word) => word !== undefined),
      { cwd: root, encoding: "utf8", env: { ...process.env, ...ofDeployment } },
    );
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  },
);
