import { expect, test } from "vitest";
import { DeployPlace, granted, servingFunction } from "./deploy-place.ts";

const of = ["--region=europe-west1", "--project=my-project", "--quiet"];
const account = (role: string) => `baton-${role}@my-project.iam.gserviceaccount.com`;

test("with --console it deploys the console after the function, and lets the proxy and the operators in", async () => {
  const place = new DeployPlace();
  const environment = { BATON_CONSOLE_OPERATORS: "ada@example.com" };
  const { code, stdout } = await place.deploy(["--yes", "--console"], { environment });
  expect(code).toBe(0);
  const calls = place.calls.slice(
    place.calls.findIndex((call) => JSON.stringify(call).includes("update-traffic")) + 1,
  );
  const iap = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com";
  const visitor = (member: string) => [
    ...["gcloud", "beta", "iap", "web", "add-iam-policy-binding", "--resource-type=cloud-run"],
    ...["--service=baton-console", "--region=europe-west1", `--member=${member}`],
    ...["--role=roles/iap.httpsResourceAccessor", "--condition=None", "--project=my-project", "--quiet"],
  ];
  const variables = "infra/baton.my-project_baton.console.yaml";
  expect(calls).toEqual([
    [
      ...["gcloud", "beta", "services", "identity", "create", "--service=iap.googleapis.com"],
      ...["--project=my-project", "--quiet"],
    ],
    [
      ...["gcloud", "beta", "run", "deploy", "baton-console", "--source=dist-package.my-project_baton"],
      ...["--function=baton", "--base-image=nodejs24", "--automatic-updates"],
      "--image=europe-west1-docker.pkg.dev/my-project/baton/baton-console",
      `--service-account=${account("console")}`,
      `--build-service-account=projects/my-project/serviceAccounts/${account("build")}`,
      ...["--no-allow-unauthenticated", "--iap", "--ingress=all", "--execution-environment=gen2"],
      ...["--concurrency=80", "--cpu=1", "--memory=512Mi", "--timeout=60s", "--min-instances=0"],
      ...["--max-instances=2", "--cpu-throttling", "--cpu-boost", `--env-vars-file=${variables}`, ...of],
    ],
    [
      ...["gcloud", "run", "services", "add-iam-policy-binding", "baton-console", `--member=${iap}`],
      ...["--role=roles/run.invoker", ...of],
    ],
    visitor("user:ada@example.com"),
  ]);
  const written = place.read(variables);
  expect(written).toContain(
    'BATON_CONSOLE_AUDIENCE: "/projects/123456789012/locations/europe-west1/services/baton-console"\n',
  );
  expect(written).toContain('BATON_CONSOLE_OPERATORS: "ada@example.com"\n');
  expect(written).toContain('BATON_PREFIX: "baton"\n');
  expect(written).not.toMatch(/SECRET|BATON_TRACES|BATON_DEPLOY/);
  expect(place.read("infra/baton.my-project_baton.function.yaml")).not.toContain("CONSOLE");
  expect(stdout).toContain("Console: https://baton-console-123456789012.europe-west1.run.app");
  expect(stdout).toContain(`To let others read it:  ${visitor("'group:<group>'").join(" ")}`.slice(0, 60));
  expect(stdout).toContain("may change something: ada@example.com");
});

test("without --console nothing of it is deployed; a new version alone grants nothing", async () => {
  const without = new DeployPlace();
  await without.deploy(["--yes"]);
  expect(JSON.stringify(without.calls)).not.toContain("console");
  const place = new DeployPlace({ gcloud: { ...servingFunction(), ...granted } });
  await place.deploy(["--yes", "--skip-infra"], {
    environment: { BATON_DEPLOY_CONSOLE: "true" },
  });
  const ofConsole = place.calls.filter((call) => JSON.stringify(call).includes("console"));
  expect(ofConsole).toHaveLength(1);
  expect(ofConsole[0]).toContain("--iap");
  expect(ofConsole[0]).not.toContain("--no-allow-unauthenticated");
});
