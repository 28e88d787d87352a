import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { base64, push } from "./requests.ts";
import { send } from "./wire.ts";

const root = new URL("../../", import.meta.url);
const command = fileURLToPath(new URL("node_modules/.bin/functions-framework", root));
const source = fileURLToPath(new URL("fixture/function.ts", import.meta.url));
const headers = { "content-type": "application/json" };

let child: ChildProcess | undefined;
afterEach(async () => {
  if (!child || child.exitCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
});

/** Starts the framework's own command, as Cloud Run does; resolves to its address once it serves. */
async function startCommand(environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const port = await freePort();
  const parameters = [command, `--source=${source}`, "--target=baton", `--port=${port}`];
  const started = spawn(process.execPath, parameters, {
    cwd: root,
    env: { ...process.env, NODE_ENV: "development", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child = started;
  let output = "";
  started.stderr.on("data", (chunk) => {
    output += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    started.stdout.on("data", (chunk) => {
      output += chunk;
      if (output.includes("URL: http://")) resolve();
    });
    started.once("exit", (code) => reject(new Error(`The framework ended with ${code}: ${output}`)));
  });
  return `http://127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}

describe("under the framework's own command", () => {
  test("messages, dead letters and refusals are ours", async () => {
    const url = await startCommand();
    const task = { batchId: "b", taskId: "load" };
    const wrapped = JSON.stringify(push({ data: base64(task) }));
    expect(await send(url, { headers, body: wrapped })).toMatchObject({
      status: 200,
      json: { status: "done" },
    });
    const event = {
      ...headers,
      "ce-type": "google.cloud.storage.object.v1.finalized",
      "ce-id": "1",
      "ce-source": "//s",
      "ce-specversion": "1.0",
    };
    const object = JSON.stringify({ bucket: "b", name: "n", generation: "1" });
    expect(await send(url, { headers: event, body: object })).toMatchObject({ status: 200 });
    expect(await send(url, { headers, body: "{nope" })).toMatchObject({
      status: 400,
      json: { code: "BODY_NOT_JSON" },
    });
    const gzip = { ...headers, "content-encoding": "gzip" };
    expect(await send(url, { headers: gzip, body: gzipSync(wrapped) })).toMatchObject({
      status: 415,
      json: { code: "BODY_ENCODED" },
    });
    expect(await send(url, { body: wrapped, chunked: true })).toMatchObject({ status: 411 });
    expect(await send(url, { body: Buffer.alloc(15 * 1024 * 1024) })).toMatchObject({ status: 413 });
    expect(await send(url, { method: "GET" })).toMatchObject({ status: 200, json: { status: "ok" } });
  });

  test("without the guard, bodies of every content type still reach the handler whole", async () => {
    const url = await startCommand({ BATON_TEST_GUARD: "off" });
    const body = JSON.stringify({ batchId: "b", taskId: "load" });
    for (const type of [
      "application/json",
      "application/octet-stream",
      "text/plain",
      "application/cloudevents+json",
      undefined,
    ]) {
      const given: Record<string, string> = type === undefined ? {} : { "content-type": type };
      const answer = await send(url, { headers: given, body });
      expect([type, answer.status]).toEqual([type, type === "application/cloudevents+json" ? 202 : 200]);
    }
    // The reason for the guard: the framework's own answer to bad JSON.
    const answer = await send(url, { headers, body: "{nope" });
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining("<html") });
  });
});
