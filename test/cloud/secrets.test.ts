import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import type { BatchView } from "../../src/core/views/views.ts";
import { http, workflow } from "../../src/index.ts";
import type { Logger } from "../../src/ports/telemetry.ts";
import { runToEnd, temporaryFolder, testApp } from "../support/app.ts";
import { cloudInProcess } from "./in-process.ts";

const secret = "sk-live-4f9a1c77e2";

/** Repeats everything that it is sent; some of it with a status that fails the task. */
async function echoServer() {
  const received: string[] = [];
  const server = createServer(async (request, response) => {
    const echo = JSON.stringify({ url: request.url, headers: request.headers, body: await text(request) });
    received.push(echo);
    const status = request.url?.startsWith("/fails") ? 403 : 200;
    response.writeHead(status, { "content-type": "application/json" }).end(echo);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

function flowAt(origin: string) {
  const asking = {
    url: `${origin}/{{ secrets.API_TOKEN }}?key={{ secrets.API_TOKEN }}`,
    headers: { authorization: "Bearer {{ secrets.API_TOKEN }}" },
    body: { password: "{{ secrets.API_TOKEN }}" },
  };
  const callback = { url: `${origin}/hooks/{{ secrets.API_TOKEN }}` };
  return workflow("flow")
    .task("works", http(asking), { callback, idempotency: true })
    .task("fails", http({ ...asking, url: `${origin}/fails` }), { retry: false, callback })
    .task("child", http({ url: origin, body: "{{ parents.works }}" }), { after: ["works"] });
}

function keeping(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string, fields?: object) => void lines.push(message, JSON.stringify(fields ?? {}));
  return { lines, logger: { debug: keep, info: keep, warn: keep, error: keep } };
}

function expectUsed({ tasks }: BatchView, received: readonly string[]) {
  expect(tasks.map(({ status }) => status)).toEqual(["SUCCESS", "ERROR", "SUCCESS"]);
  expect(tasks[1]?.error?.message).toContain("[secret API_TOKEN]");
  expect(received.filter((request) => request.includes(`Bearer ${secret}`))).toHaveLength(2);
  expect(received.filter((request) => request.includes(`/hooks/${secret}`))).toHaveLength(2);
}

test("a secret is used and appears nowhere on the embedded engine", async () => {
  const { origin, received } = await echoServer();
  const data = temporaryFolder();
  const app = testApp({
    data,
    workflows: [flowAt(origin)],
    environment: { BATON_HTTP_ALLOW_PRIVATE: "true", BATON_TASK_SECRET_API_TOKEN: secret },
  });
  const view = await runToEnd(app, "flow");
  await expect.poll(() => received.filter((request) => request.includes("/hooks/")).length).toBe(2);
  expectUsed(view, received);
  await app.close();
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toContain("baton.sqlite");
  for (const { parentPath, name } of files)
    expect({ name, holds: readFileSync(join(parentPath, name)).includes(secret) }).toEqual({
      name,
      holds: false,
    });
});

test("a secret is used and appears nowhere on Google Cloud", async () => {
  const { origin, received } = await echoServer();
  const { logger, lines } = keeping();
  const variables = { BATON_TASK_SECRET_API_TOKEN: secret };
  const cloud = await cloudInProcess([flowAt(origin)], { variables }, logger);
  const view = await cloud.app.engine.admin.show(await cloud.run("flow"));
  expectUsed(view, received);
  const stored = [
    cloud.firestore.dump(),
    cloud.storage.objects("test-bucket"),
    cloud.pubsub.published(),
    lines,
  ];
  expect(stored[0]).not.toEqual([]);
  expect(JSON.stringify(stored)).not.toContain(secret);
});
