import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { freePort } from "./function-process.ts";
import { installForProduction } from "./production-folder.ts";
import { startCloud } from "./world.ts";

const run = promisify(execFile);
const place = realpathSync(mkdtempSync(join(tmpdir(), "baton-start-")));
const folder = join(place, "package");
const compiled = join(folder, "baton-dag/dist/compile-cache");
const output = join(place, "output");
beforeAll(() => installForProduction(folder));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("it starts with what the buildpack sets: a command without parameters, and two variables", async () => {
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const child = launch({
    PATH: `${dirname(process.execPath)}:${PATH}`,
    HOME,
    NODE_ENV: "production",
    FUNCTION_TARGET: "baton",
    PORT: String(port),
    BATON_DATA: join(place, "data"),
  });
  const exit = once(child, "exit");
  const status = async () => (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined))?.status;
  await expect.poll(status).toBe(200);
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});

test("a start compiles nothing that `gcp-build` has compiled, whatever Node calls it there", async () => {
  const name = await compile();
  expect(await acceptedAtStart()).toEqual({ workflows: true, start: true, clients: true, refused: false });

  // As on a processor with other features, or a later version of the base image.
  renameSync(`${compiled}/${name}`, `${compiled}/v24.0.0-x64-00000000-33`);
  expect(await acceptedAtStart()).toEqual({ workflows: true, start: true, clients: true, refused: false });
});

test("what can't be used is not used", async () => {
  const name = await compile();
  renameSync(`${compiled}/${name}`, `${compiled}/v24.0.0-x64-00000000-33`);
  // What was compiled under other flags is refused by V8.
  const environment = { NODE_OPTIONS: "--interpreted-frames-native-stack" };
  expect(await acceptedAtStart(environment)).toMatchObject({ workflows: false, refused: true });
});

/** What it writes is in the file `output`: Node's own notes are cut short in a pipe whose reader is slow. */
function launch(environment: Readonly<Record<string, string | undefined>>) {
  const file = openSync(output, "w");
  const child = spawn("/bin/bash", ["-c", "exec node_modules/.bin/functions-framework"], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** As the buildpack does; gives what Node calls it here. */
async function compile(): Promise<string> {
  rmSync(compiled, { recursive: true, force: true });
  await run("npm", ["run", "gcp-build"], { cwd: folder });
  const [name = ""] = readdirSync(compiled);
  return name;
}

/** Of what a function loads ahead of its first message on Google Cloud: whether compiled code was taken, or refused. */
async function acceptedAtStart(environment: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}`, queues: [] });
  const child = launch({
    ...process.env,
    ...cloud.environment,
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    NODE_ENV: "production",
    NODE_DEBUG_NATIVE: "COMPILE_CACHE",
    FUNCTION_TARGET: "baton",
    PORT: String(port),
    ...environment,
  });
  const exit = once(child, "exit");
  try {
    const workflow = "workflows/greet.js";
    // It is loaded last.
    await expect
      .poll(() => readFileSync(output, "utf8"))
      .toMatch(new RegExp(`V8 code cache for ESM \\S+${workflow} was`));
    const said = readFileSync(output, "utf8");
    return {
      workflows: said.includes(`${workflow} was accepted`),
      start: /dist\/src\/chunks\/start-\S+ was accepted/.test(said),
      clients: /dist\/src\/chunks\/pubsub-\S+ was accepted/.test(said),
      refused: / was rejected/.test(said),
    };
  } finally {
    child.kill("SIGKILL");
    await exit;
    await cloud.close();
  }
}
