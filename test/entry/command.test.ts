import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { freePort } from "../cloud/function-process.ts";
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
async function startCommand(portBy: "variable" | "option" = "variable"): Promise<string> {
  const port = await freePort();
  const options = portBy === "option" ? [`--port=${port}`] : [];
  const variables = portBy === "variable" ? { PORT: String(port) } : {};
  const started = spawn(process.execPath, [command, `--source=${source}`, "--target=baton", ...options], {
    cwd: root,
    env: { ...process.env, NODE_ENV: "production", ...variables },
    stdio: ["ignore", "ignore", "pipe"],
  });
  child = started;
  let output = "";
  started.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (started.exitCode !== null) throw new Error(`The framework ended with ${started.exitCode}: ${output}`);
    const answer = await send(url, { method: "GET" }).catch(() => undefined);
    if (answer) return url;
    await sleep(50);
  }
}

describe("under the framework's own command", () => {
  test("the port may be an option of the command", async () => {
    const url = await startCommand("option");
    expect(await send(`${url}/healthz`, { method: "GET" })).toMatchObject({ status: 200 });
  });

  test("messages, dead letters and refusals are handled by Baton", async () => {
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

  test("the framework adds nothing to the process: no listeners, and no domain that slows down promises", async () => {
    const url = await startCommand();
    const answer = await send(url, { headers, body: JSON.stringify({ batchId: "b", taskId: "load" }) });
    expect(JSON.parse(String(answer.json.message))).toEqual({ listeners: [], isInDomain: false });
  });
});
