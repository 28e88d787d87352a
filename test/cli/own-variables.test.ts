import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Running } from "../support/command.ts";

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
  async (...parameters) => {
    const words = parameters.filter((word) => word !== undefined);
    const environment = { ...process.env, ...ofDeployment };
    const running = Running.start(process.execPath, words, { folder: root, environment, input: "" });
    const { code, stderr } = await running.ended;
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  },
);
