import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { DeployPlace } from "./deploy-place.ts";

const docs = fileURLToPath(new URL("../../docs/deploy.md", import.meta.url));

const PlanSchema = z.object({
  function: z.object({
    environment: z.record(z.string(), z.string()),
    secrets: z.record(z.string(), z.string()),
  }),
  commands: z.array(z.object({ line: z.string() })),
  warnings: z.array(z.string()),
});

async function plan(file: string, more: Readonly<Record<string, string>> = {}) {
  // One of the workflows runs Dataform.
  const environment = { BATON_DATAFORM_ACCOUNTS: "runner@my-project.iam.gserviceaccount.com", ...more };
  const place = new DeployPlace({ files: { "one.env": file } });
  const parameters = ["--dry-run", "--variables", "one.env"];
  const { code, stdout, stderr } = await place.deploy([...parameters, "--json"], { environment });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const text = (await place.deploy(parameters, { environment })).stdout;
  return { text, stdout, place, ...PlanSchema.parse(JSON.parse(stdout)) };
}

const refused: readonly (readonly [string, string, readonly string[]])[] = [
  ["no line of a variable", "# one\nA=1\n\nB: 2\n", ["expected NAME=value", "→ at line 4 of one.env"]],
  ["an open quote", 'A="x\ny"\nB="z\nC=1\n', ["needs quotes around all of it", "→ at line 3 of"]],
  ["a # in a word", "A=abc#def\n", ["a value with a # or a quote needs quotes", "line 1"]],
  [
    "a # in an address",
    "A=1\nB=https://x/#/path # home\n",
    ["a value with a # or a quote needs quotes", "→ at line 2 of"],
  ],
  ["text after quotes", `A="b" c\n`, ["only # and a comment may follow", "→ at line 1 of"]],
  ["a name twice", "A=1\nexport B=2\nA=3\n", ["A is set in line 1 already", "→ at line 3 of"]],
  ["a name with a dash", "MY-NAME=1\n", ["expected NAME=value", "→ at line 1 of"]],
  [
    "an unknown variable",
    "BATON_BUKCET=b-of-mine\n",
    ["no variable BATON_BUKCET; did you mean BATON_BUCKET?"],
  ],
  ["an unknown setting", "BATON_DEPLOY_MAXINSTANCES=1\n", ["did you mean BATON_DEPLOY_MAX_INSTANCES?"]],
  ["a variable that is like none", "BATON_COLOUR_OF_IT=red\n", ["no variable BATON_COLOUR_OF_IT\n"]],
  ["a port", "PORT=80\n", ["Cloud Run sets PORT itself"]],
  ["a name of the service", "K_SERVICE=x\n", ["Cloud Run sets K_SERVICE itself"]],
  ["a target", "FUNCTION_TARGET=x\n", ["Cloud Run sets FUNCTION_TARGET itself"]],
  ["a name of Google's", "X_GOOGLE_A=x\n", ["Cloud Run sets X_GOOGLE_A itself"]],
  ["a name of a job", "CLOUD_RUN_JOB=x\n", ["Cloud Run sets CLOUD_RUN_JOB itself"]],
  [
    "a file of credentials",
    "GOOGLE_APPLICATION_CREDENTIALS=/a.json\n",
    ["The instance sets GOOGLE_APPLICATION_CREDENTIALS itself"],
  ],
  ["a path", "PATH=/bin\n", ["The instance sets PATH itself"]],
  [
    "the callback secret",
    "BATON_CALLBACK_SECRET=whsec_abc\n",
    ["BATON_CALLBACK_SECRET is a secret: set it in the environment"],
  ],
  ["Power BI's secret", "BATON_POWERBI_CLIENT_SECRET=abc\n", ["stores it in Secret Manager"]],
  ["a secret of a task", "BATON_TASK_SECRET_A=hush\n", ["write BATON_TASK_SECRET_A=secret:<name"]],
  ["a secret of a task of no form", "BATON_TASK_SECRET_A=secret:\n", ["→ at BATON_TASK_SECRET_A"]],
  ["a secret of no form", "A=secret:\n", ["a secret is named by secret:<name>", "→ at A"]],
  ["a secret of another project's id", "A=projects/other/secrets/s/versions/1\n", ["by its number"]],
];

test.each(refused)("a file of variables may not hold %s", async (_, file, shown) => {
  const place = new DeployPlace({ files: { "one.env": file } });
  const { code, stdout, stderr } = await place.deploy(["--dry-run", "--variables", "one.env"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error CONFIGURATION_INVALID: /);
  for (const words of shown) expect(stderr).toContain(words);
  expect(stdout).toBe("");
});

test("all problems of the file are reported at once, with all others", async () => {
  const place = new DeployPlace({ files: { "one.env": "A\nPORT=1\nBATON_DEPLOY_CPU=3\n" } });
  const { stderr } = await place.deploy(["--dry-run", "--variables", "one.env"]);
  for (const words of ["line 1 of one.env", "line 2 of one.env", "BATON_DEPLOY_CPU"])
    expect(stderr).toContain(words);
});

test("a missing file is reported with a remedy", async () => {
  const { code, stderr } = await new DeployPlace().deploy(["--dry-run", "--variables", "nope.env"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error USAGE: Can't read nope\.env/);
  expect(stderr).toContain("what to do: Give --variables a file of lines NAME=value");
});

test("quotes, lines, comments and `export` mean what they mean to Node", async () => {
  const file =
    `\uFEFF# of production\r\nexport A='one # two'\r\n B = 2 # three\nC="first\nsecond = ` +
    `x"\nNODE_OPTIONS=--trace-warnings\nD=\n`;
  const { function: fn, warnings } = await plan(file);
  expect(fn.environment).toMatchObject({
    A: "one # two",
    B: "2",
    C: "first\nsecond = x",
    D: "",
    NODE_OPTIONS: "--trace-warnings",
  });
  expect(warnings).toEqual([]);
});

test("a secret of the user is read from Secret Manager when an instance starts", async () => {
  const file = `API_TOKEN=secret:api-token
OTHER=secret:other:7
SAME=projects/my-project/secrets/same/versions/3
FAR=projects/123456/secrets/far/versions/latest
BATON_CALLBACK_SECRET=projects/my-project/secrets/baton-callback-secret/versions/latest
`;
  const { function: fn, commands, text, warnings, place } = await plan(file);
  expect(fn.secrets).toEqual({
    BATON_CALLBACK_SECRET: "baton-callback-secret",
    API_TOKEN: "api-token:latest",
    OTHER: "other:7",
    SAME: "same:3",
    FAR: "projects/123456/secrets/far:latest",
  });
  for (const name of ["API_TOKEN", "OTHER", "SAME", "FAR"]) expect(fn.environment).not.toHaveProperty(name);
  expect(commands.map(({ line }) => line).join("\n")).toContain(
    "--set-secrets=BATON_CALLBACK_SECRET=baton-callback-secret:latest,API_TOKEN=api-token:latest," +
      "FAR=projects/123456/secrets/far:latest,OTHER=other:7,SAME=same:3 ",
  );
  expect(text).toContain("API_TOKEN: secret api-token, latest version");
  expect(text).toContain("OTHER: secret other, version 7");
  expect(warnings).toEqual([]);
  await place.deploy(["--yes", "--variables", "one.env"]);
  expect(place.read("infra/baton.my-project_baton.function.yaml")).not.toContain("API_TOKEN");
});

const asking = `import { http, workflow } from "baton-dag";
export default workflow("asking").task("ask", http({
  url: "https://a.example", headers: { authorization: "Bearer {{ secrets.API_TOKEN }}" },
}));
`;

test("the function gets a secret that a task names, and commands its name; it is required", async () => {
  const files = {
    "workflows/reports.ts": asking,
    "with.env": "BATON_TASK_SECRET_API_TOKEN=secret:api-token:3\n",
    "without.env": "API_TOKEN=secret:api-token\n",
  };
  const place = new DeployPlace({ files });
  const refused = await place.deploy(["--dry-run", "--variables", "without.env"], {
    environment: { BATON_TASK_SECRET_API_TOKEN: "of this shell" },
  });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /It is not set, and task ask of asking refers to the secret API_TOKEN\s+→ at BATON_TASK_SECRET_API_TOKEN/,
  );
  const { stdout } = await place.deploy(["--dry-run", "--variables", "with.env", "--json"]);
  const { function: fn } = PlanSchema.parse(JSON.parse(stdout));
  expect(fn.secrets).toMatchObject({ BATON_TASK_SECRET_API_TOKEN: "api-token:3" });
  const deployed = await place.deploy(["--yes", "--variables", "with.env"]);
  expect(deployed.code, deployed.stderr).toBe(0);
  expect(place.read("infra/baton.my-project_baton.env")).toContain(
    "BATON_TASK_SECRET_API_TOKEN='projects/my-project/secrets/api-token/versions/3'",
  );
});

test("the file that the docs show is one", async () => {
  const [, file = ""] =
    /```sh\n(# environments\/production\.env\n.*?)```/s.exec(readFileSync(docs, "utf8")) ?? [];
  const { function: fn } = await plan(file);
  expect(fn.secrets).toMatchObject({
    API_TOKEN: "api-token:latest",
    OTHER_TOKEN: "projects/123456789012/secrets/other-token:latest",
  });
});

test("a variable that looks like a secret is set with a warning, and never shown", async () => {
  const names = [
    "MY_SECRET",
    "API_TOKEN",
    "DB_PASSWORD",
    "APIKEY",
    "SOME_API_KEY",
    "PRIVATE_KEY",
    "credentials",
    "DB_PASS",
    "DB_PWD",
    "SIGNING_KEY",
    "SENTRY_DSN",
    "SLACK_WEBHOOK",
  ];
  const file = [...names, "SALES_TOKEN"].map((name) => `${name}=very-own-${name}`).join("\n");
  const address = "DATABASE=postgres://me:very-own-word@host/db\nHOME_PAGE=https://example.com:80/a@b\n";
  const { function: fn, stdout, text, warnings, place } = await plan(`${file}\n${address}PLAIN=very-plain\n`);
  expect(`${stdout}${text}`).not.toContain("very-own");
  expect(fn.environment).toMatchObject({
    MY_SECRET: "…",
    DATABASE: "…",
    HOME_PAGE: "https://example.com:80/a@b",
    PLAIN: "very-plain",
  });
  for (const name of [...names, "DATABASE"])
    expect(warnings.find((warning) => warning.startsWith(`${name} looks like a secret`))).toContain(
      `${name}=secret:<name of the secret>`,
    );
  expect(text).toContain("Look at this:");
  const { stdout: said } = await place.deploy(["--yes", "--variables", "one.env"]);
  expect(said).not.toContain("very-own");
  expect(place.read("infra/baton.my-project_baton.function.yaml")).toContain(
    'MY_SECRET: "very-own-MY_SECRET"',
  );
});

test("variables of the file that are for a local machine are reported, and not for a removal", async () => {
  const { warnings, text } = await plan("FIRESTORE_EMULATOR_HOST=h:1\n");
  expect(warnings).toEqual([
    expect.stringMatching(/^FIRESTORE_EMULATOR_HOST of the file is for a local machine/),
  ]);
  expect(text).toContain("Look at this:\n  FIRESTORE_EMULATOR_HOST of the file");
  const place = new DeployPlace();
  writeFileSync(place.path("one.env"), "FIRESTORE_EMULATOR_HOST=h:1\n");
  const removal = await place.deploy(["--dry-run", "--destroy", "--variables", "one.env"]);
  expect(removal.stdout).not.toContain("Look at this");
});

test("a log level that leaves the dashboard without batches is reported", async () => {
  const { warnings } = await plan("BATON_LOG_LEVEL=warn\n");
  expect(warnings).toEqual([expect.stringContaining("the dashboard shows no batch")]);
});
