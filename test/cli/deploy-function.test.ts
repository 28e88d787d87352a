import { expect, test } from "vitest";
import { DeployPlace, granted, servingFunction } from "./deploy-place.ts";

const production = servingFunction({ BATON_DEPLOY_VARIABLES: "environments/production.env" });
const withFile = { files: { "one.env": "API_URL=https://example.com/\n" } };

test.each([[["--yes"]], [["--yes", "--skip-infra"]]])(
  "a deployment that had a file of variables is not deployed without: %j",
  async (parameters) => {
    const place = new DeployPlace({ gcloud: production });
    const { code, stderr } = await place.deploy(parameters);
    expect(code).toBe(1);
    expect(stderr).toContain("error DEPLOY_VARIABLES_FORGOTTEN: The function was deployed with --variables");
    expect(stderr).toContain(
      "what to do: Give --variables environments/production.env, or --variables /dev/null",
    );
    expect(place.callNames.some((call) => /^terraform|run deploy/.test(call))).toBe(false);
    const knowing = new DeployPlace({ gcloud: production });
    expect((await knowing.deploy([...parameters, "--variables", "/dev/null"])).code).toBe(0);
    expect(knowing.read("infra/baton.my-project_baton.function.yaml")).not.toContain(
      "BATON_DEPLOY_VARIABLES",
    );
  },
);

const other = "environments/staging.env";

test("a pipeline does not deploy a function with the file of another deployment", async () => {
  const files = { [other]: "BATON_DATABASE=staging\n" };
  const place = new DeployPlace({ files, gcloud: production });
  const { code, stderr } = await place.deploy(["--skip-infra", "--yes", "--variables", other]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    "error DEPLOY_VARIABLES_FORGOTTEN: The function was deployed with --variables " +
      `environments/production.env, and now it is --variables ${other}`,
  );
  expect(place.callNames).not.toContain("gcloud run deploy baton");
  // A file may get another name: then a person sees the plan.
  expect(
    (await new DeployPlace({ files, gcloud: production }).deploy(["--yes", "--variables", other])).code,
  ).toBe(0);
});

test.each(["environments/production.env", "./environments/production.env"])(
  "the file is the same however its path is written: %s",
  async (path) => {
    const place = new DeployPlace({ files: { "environments/production.env": "" }, gcloud: production });
    expect((await place.deploy(["--skip-infra", "--yes", "--variables", path])).code).toBe(0);
    const absolute = place.path("environments/production.env");
    expect((await place.deploy(["--skip-infra", "--yes", "--variables", absolute])).code).toBe(0);
  },
);

test("files of one name in two folders are two, however their paths are written", async () => {
  const path = "other/production.env";
  const place = new DeployPlace({ files: { [path]: "" }, gcloud: production });
  for (const written of [path, place.path(path)])
    expect((await place.deploy(["--skip-infra", "--yes", "--variables", written])).code).toBe(1);
});

test.each([
  ["/builds/7/environments/production.env", "environments/production.env", 0],
  ["/builds/7/other/production.env", "environments/production.env", 1],
  ["/production.env", "environments/production.env", 1],
  ["../environments/production.env", "environments/production.env", 0],
  ["../other/production.env", "environments/production.env", 1],
])("of paths of two machines the end is compared: %s and %s", async (before, name, code) => {
  const gcloud = servingFunction({ BATON_DEPLOY_VARIABLES: before });
  const place = new DeployPlace({ files: { [name]: "" }, gcloud });
  expect((await place.deploy(["--skip-infra", "--yes", "--variables", place.path(name)])).code).toBe(code);
  if (before.startsWith("/"))
    expect((await place.deploy(["--skip-infra", "--yes", "--variables", name])).code).toBe(code);
});

test("--skip-function also requires the function's variables file", async () => {
  const place = new DeployPlace({ gcloud: production });
  const { stderr } = await place.deploy(["--skip-function", "--yes"]);
  expect(stderr).toContain("error DEPLOY_VARIABLES_FORGOTTEN");
  expect(place.callNames).not.toContain("terraform plan");
});

test("the function keeps the name of its file, which commands do not need", async () => {
  const place = new DeployPlace({ ...withFile, gcloud: production });
  expect((await place.deploy(["--yes", "--variables", "one.env"])).code).toBe(0);
  expect(place.read("infra/baton.my-project_baton.function.yaml")).toContain(
    'BATON_DEPLOY_VARIABLES: "one.env"\n',
  );
  expect(place.read("infra/baton.my-project_baton.env")).not.toContain("BATON_DEPLOY_");
});

test("changed variables of the function are shown before the question, with values of Baton's own alone", async () => {
  const gcloud = servingFunction({
    BATON_LOG_LEVEL: "debug",
    BATON_PREFIX: "baton",
    BATON_CALLBACK_SECRET: null,
    API_URL: "https://old.example/hush",
    OLD_TOKEN: null,
    GONE: "hush",
  });
  const place = new DeployPlace({ ...withFile, gcloud });
  const environment = { BATON_LOG_LEVEL: "info" };
  const parameters = ["--skip-infra", "--variables", "one.env"];
  const { stdout } = await place.deploy(parameters, { environment, input: "no\n" });
  const [, shown = ""] = stdout.split("Variables of the function that change:");
  expect(shown).toMatch(/changed +API_URL$/m);
  expect(shown).toMatch(/changed +BATON_LOG_LEVEL: debug → info$/m);
  expect(shown).toMatch(/removed +GONE$/m);
  expect(shown).toMatch(/removed +OLD_TOKEN: a secret$/m);
  expect(shown).toMatch(/added +BATON_BUCKET: my-project-baton$/m);
  expect(shown).not.toMatch(/BATON_PREFIX|BATON_CALLBACK_SECRET|hush/);
});

test("a function of an unreadable description is not deployed over", async () => {
  const place = new DeployPlace({ gcloud: { "run services list *": "echo baton-00007" } });
  const { code, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("Asking for the function that serves now failed: its answer can't be read");
  expect(place.callNames).not.toContain("terraform plan");
});

test("if Cloud Run is not enabled yet, its functions are not listed", async () => {
  const place = new DeployPlace({ gcloud: { "services list --enabled *": "true" } });
  expect((await place.deploy(["--yes"])).code).toBe(0);
  expect(place.callNames).not.toContain("gcloud run services list");
});

test("a new version grants access to the push account, if the first deployment failed before that", async () => {
  const place = new DeployPlace({ gcloud: servingFunction() });
  expect((await place.deploy(["--yes", "--skip-infra"])).code).toBe(0);
  expect(place.callNames).toContain("gcloud run services add-iam-policy-binding");
  const again = new DeployPlace({ gcloud: { ...servingFunction(), ...granted } });
  expect((await again.deploy(["--yes"])).code).toBe(0);
  expect(again.callNames).not.toContain("gcloud run services add-iam-policy-binding");
});

test("an account that may not read the policy gets the command that grants access to the push account", async () => {
  const gcloud = { ...servingFunction(), "run services get-iam-policy *": "exit 1" };
  const place = new DeployPlace({ gcloud });
  const { code, stderr } = await place.deploy(["--yes", "--skip-infra"]);
  expect(code).toBe(0);
  expect(stderr).toContain("It can't be seen whether baton-push@my-project.iam.gserviceaccount.com may call");
  expect(stderr).toContain("gcloud run services add-iam-policy-binding baton");
  expect(place.callNames).not.toContain("gcloud run services add-iam-policy-binding");
});

test.each(["run deploy *", "run services add-iam*", "run services update*"])(
  "when `gcloud %s` fails, the rollback is printed",
  async (pattern) => {
    const failing = { [pattern]: "exit 1" };
    const place = new DeployPlace({ gcloud: { ...servingFunction(), ...failing } });
    const { code, stderr } = await place.deploy(["--yes"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "To go back:  gcloud run services update-traffic baton --to-revisions=baton-00007-abc=100",
    );
    const first = new DeployPlace({ gcloud: failing });
    expect((await first.deploy(["--yes"])).stderr).not.toContain("To go back");
  },
);

test("tools do not get what the file gives to the workflows", async () => {
  const place = new DeployPlace({
    files: { "one.env": "REPORT_QUEUE=quick\nHTTPS_PROXY=http://proxy:1\nTOKEN=secret:t\n" },
  });
  const { code } = await place.deploy(["--yes", "--variables", "one.env"]);
  expect(code).toBe(0);
  expect(place.read("infra/baton.my-project_baton.tfvars.json")).toContain('"quick"');
  for (const program of ["gcloud", "terraform", "node"]) {
    const found = place.environmentOf(program);
    expect(found).toHaveProperty("BATON_PROJECT");
    for (const name of ["REPORT_QUEUE", "HTTPS_PROXY", "TOKEN"]) expect(found).not.toHaveProperty(name);
  }
});

test("the function has the name of the option, that of the file, or the prefix", async () => {
  const files = { "one.env": "BATON_DEPLOY_FUNCTION=filed\n" };
  const nameOf = async (...parameters: string[]) => {
    const { stdout } = await new DeployPlace({ files }).deploy(["--dry-run", ...parameters]);
    return /gcloud run deploy (\S+)/.exec(stdout)?.[1];
  };
  expect(await nameOf("--function", "option", "--variables", "one.env")).toBe("option");
  expect(await nameOf("--variables", "one.env")).toBe("filed");
  expect(await nameOf("--prefix", "some")).toBe("some");
});

test("a callback secret that was kept is given to a new deployment, and shown nowhere", async () => {
  const place = new DeployPlace();
  const kept = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const environment = { BATON_CALLBACK_SECRET: kept };
  const { code, stdout, stderr } = await place.deploy(["--yes"], { environment });
  expect(code).toBe(0);
  expect(place.read("secret-baton-callback-secret")).toBe(kept);
  expect(`${stdout}${stderr}${place.read("calls")}`).not.toContain(kept);
});
