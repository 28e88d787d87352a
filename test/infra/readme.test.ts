import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { planDeployment } from "../../src/deployment/plan/plan.ts";
import { functionCommands, secretCommands } from "../../src/deployment/run/commands.ts";
import { readTarget } from "../../src/deployment/target/target.ts";

const page = readFileSync(new URL("../../infra/README.md", import.meta.url), "utf8");
const variables = { PROJECT: "some-project", REGION: "europe-west4", PREFIX: "some" };
const { deploy, invoker, traffic, package: packing } = functionCommands(deployment());
const { add } = secretCommands(deployment(), "some-callback-secret");

function deployment() {
  const { PROJECT, REGION, PREFIX } = variables;
  const given = { BATON_PROJECT: PROJECT, BATON_LOCATION: REGION, BATON_PREFIX: PREFIX };
  return planDeployment(readTarget(given, {}), []);
}

/** The command lines of the page that has them in a block, as a shell would split them for these variables. */
const written = [...page.matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = ""]) => block.replaceAll(/\\\n\s*/g, "").split(/\n|\| /))
  .map((line) =>
    line
      .replace(/\s+#.*/, "")
      .replaceAll('"', "")
      .replaceAll(/\$([A-Z]+)/g, ofShell)
      .split(" "),
  );

function ofShell(_: string, name: string): string {
  return Object.entries(variables).find(([known]) => known === name)?.[1] ?? `<${name}>`;
}

test.each([
  ["adds a secret", add],
  ["packs the build", packing],
  ["deploys the function", deploy],
  ["lets in who pushes", invoker],
  ["sends all messages to it", traffic],
])("by hand, the command that %s is the one that `baton deploy` runs", (_, { argv }) => {
  expect(written).toContainEqual([...argv]);
});
