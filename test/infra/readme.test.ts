import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { functionCommands, secretCommands } from "../../src/deployment/commands.ts";
import { deploymentName, planDeployment, serviceAccountEmail } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";

const page = readFileSync(new URL("../../infra/README.md", import.meta.url), "utf8");
const variables = { PROJECT: "some-project", REGION: "europe-west4", PREFIX: "some" };
const {
  deploy,
  invoker,
  traffic,
  package: packing,
} = functionCommands(deployment(), {
  root: "/project",
  workflows: "/project/workflows",
});
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
      .replaceAll(/\$\{?([A-Z]+)\}?/g, ofShell)
      .split(" "),
  );

function ofShell(_: string, name: string): string {
  return Object.entries(variables).find(([known]) => known === name)?.[1] ?? `<${name}>`;
}

/** The blocks of the page, to be typed as they are. */
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);

test("the state that the page names is that of the deployment", () => {
  const { PROJECT, PREFIX } = variables;
  const named = blocks.flatMap((block) => block.match(/export TF_WORKSPACE=\S+\$PREFIX"/g) ?? []);
  expect(named.length).toBeGreaterThan(1);
  for (const line of named)
    expect(line.replaceAll('"', "").replaceAll(/\$\{?([A-Z]+)\}?/g, ofShell)).toBe(
      `export TF_WORKSPACE=${deploymentName({ projectId: PROJECT, prefix: PREFIX })}`,
    );
});

test("imported resources are in the state of their deployment", () => {
  const taking = blocks.filter((block) => block.includes("terraform import"));
  expect(taking).toHaveLength(1);
  for (const block of taking) {
    expect(block.indexOf("export TF_WORKSPACE=")).toBeGreaterThan(-1);
    expect(block.indexOf("export TF_WORKSPACE=")).toBeLessThan(block.indexOf("terraform import"));
    for (const line of block.match(/^terraform import .*$/gm) ?? [])
      expect(line).toContain('-var prefix="$PREFIX"');
  }
});

test("after a lost state the account is taken over that a deployment knows its state by", () => {
  const { PROJECT, PREFIX } = variables;
  const [line] = written.filter((words) => words.includes("google_service_account.function"));
  const account = serviceAccountEmail({ projectId: PROJECT, prefix: PREFIX }, "function");
  expect(line?.at(-1)).toBe(`projects/${PROJECT}/serviceAccounts/${account}`);
  expect(page.replaceAll(/\s+/g, " ")).toMatch(
    /These four are not all: the topics and subscriptions, queues, secrets/,
  );
});

test("blocks that work on the state begin in the folder of Baton, and end there", () => {
  const stateful = blocks.filter((block) => /terraform (?:init|import)/.test(block));
  expect(stateful.length).toBeGreaterThan(2);
  for (const block of stateful) {
    expect(block).toMatch(/^cd infra$/m);
    expect(block).toMatch(/^cd \.\.$/m);
    // All that it names, it says first, but for the name of a state.
    const used = [...block.matchAll(/\$\{?([A-Z]+)\b/g)].map(([, name]) => name);
    for (const name of used) expect(block, `${name}`).toMatch(new RegExp(`^export .*\\b${name}=`, "m"));
  }
});

test("by hand, the folder that is deployed is made as `baton deploy` makes it", () => {
  expect(written).toContainEqual(["npx", "baton", ...packing.argv.slice(2)]);
});

test.each([
  ["adds a secret", add],
  ["deploys the function", deploy],
  ["lets in who pushes", invoker],
  ["sends all messages to it", traffic],
])("by hand, the command that %s is the one that `baton deploy` runs", (_, { argv }) => {
  expect(written).toContainEqual([...argv]);
});
