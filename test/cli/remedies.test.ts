import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";

test("an unknown workflow is reported with the nearest name and a remedy", async () => {
  const place = new Workplace(helloFiles);
  const near = await place.baton(["run", "helo"]);
  expect(near.stderr).toContain(
    'error WORKFLOW_UNKNOWN: There is no workflow "helo"; the workflows are: hello; did you mean hello?\n',
  );
  const far = await place.baton(["run", "mine"]);
  expect(far.stderr).not.toContain("did you mean");
  expect(far.stderr).toContain(
    "what to do: Name one of these, put the workflow into the folder of BATON_WORKFLOWS, " +
      "or store it with `baton apply`.",
  );
});

test("an unknown path is reported with a remedy", async () => {
  const place = new Workplace(helloFiles);
  for (const parameters of [
    ["validate", "nowhere"],
    ["apply", "nowhere.yaml"],
  ])
    expect((await place.baton(parameters)).stderr).toContain("what to do: Name a workflow file or a folder");
});

test("the problem of a variable is described in a sentence", async () => {
  const environment = {
    BATON_ENGINE: "cloud",
    BATON_CONCURRENCY: "0",
    BATON_DURABILITY: "some",
    BATON_BUCKET: "b",
    BATON_MAX_BYTES_BILLED: "0",
    BATON_SERVICE_ACCOUNT: "me",
    BATON_OIDC_KEYS_URL: "here",
    BATON_DATA: "",
  };
  const { stderr } = await new Workplace(helloFiles).baton(["batches"], { environment });
  for (const sentence of [
    "write embedded or gcp\n→ at BATON_ENGINE",
    "at least 1\n→ at BATON_CONCURRENCY",
    "write full or normal\n→ at BATON_DURABILITY",
    "at least 3 characters\n→ at BATON_BUCKET",
    "more than 0\n→ at BATON_MAX_BYTES_BILLED",
    "write an e-mail address\n→ at BATON_SERVICE_ACCOUNT",
    "write an http:// or https:// address\n→ at BATON_OIDC_KEYS_URL",
    "write something, or leave it out\n→ at BATON_DATA",
  ])
    expect(stderr).toContain(sentence);
});
