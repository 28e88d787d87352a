import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { commandEnvironmentText } from "../../src/deployment/function.ts";
import { deploymentFiles } from "../../src/deployment/plan.ts";
import { startSecretManagerServer } from "../servers/secret-manager/server.ts";
import { folderWith } from "../workflow/temp-folder.ts";
import { deployment } from "./doctor-place.ts";

/** The commands of the page that precede the doctor, and then the variables that it would get. */
async function variablesOfPage(folder: string): Promise<Readonly<Record<string, string>>> {
  const page = await readFile(new URL("../../docs/doctor.md", import.meta.url), "utf8");
  const block = [...page.matchAll(/```sh\n([^`]*)npx baton doctor\n```/g)].map(([, lines = ""]) => lines);
  expect(block).toHaveLength(1);
  const environment = { PATH: process.env.PATH };
  const { stdout } = await promisify(execFile)("bash", ["-euc", `${block[0]}env -0`], {
    cwd: folder,
    env: environment,
  });
  return Object.fromEntries(
    stdout
      .split("\0")
      .map((line) => line.split(/=(.*)/s))
      .filter(([name]) => name?.startsWith("BATON_"))
      .map(([name, value = ""]) => [name, value]),
  );
}

test("with the variables that the page says to take from a deployment, nothing is missing", async () => {
  const { environment, diagnose } = await deployment();
  const { BATON_CALLBACK_SECRET: secret = "", ...others } = environment;
  const secrets = await startSecretManagerServer();
  onTestFinished(() => secrets.close());
  secrets.add("projects/test-project/secrets/baton-callback-secret", secret);
  const variables = {
    ...Object.fromEntries(Object.entries(others).filter(([name]) => name.startsWith("BATON_"))),
    BATON_SECRET_MANAGER_ENDPOINT: secrets.url,
    BATON_DATABASE: "(default)",
  };
  const written = {
    ...variables,
    BATON_CALLBACK_SECRET: "projects/test-project/secrets/baton-callback-secret/versions/latest",
  };
  const folder = await folderWith({});
  await mkdir(join(folder, "infra"));
  const { commandVariables: file } = deploymentFiles({ projectId: "my-project", prefix: "baton" });
  await writeFile(join(folder, file), commandEnvironmentText({ ...written, OWN: "is the function's" }));
  const taken = await variablesOfPage(folder);
  expect(taken).toEqual(written);
  const findings = await diagnose(taken);
  expect(findings.wrong).toEqual([]);
  expect(findings.of("configuration.secrets", "BATON_CALLBACK_SECRET").status).toBe("ok");
  expect(secrets.meter.of("secret_accesses")).toBe(1);
});
