import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";
import { siteFile } from "../../scripts/site-server/site-file.ts";
import { sampleText, temporaryFolder } from "../support.ts";

const script = fileURLToPath(new URL("../../scripts/site-server.ts", import.meta.url));
const secret = `whsec_${Buffer.from("a secret of thirty-two bytes ...").toString("base64")}`;

async function start(options: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { BATON_CALLBACK_SECRET: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [script, "--port", "0", ...options], {
    env: { ...inherited, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  return { child, nextLine, url: await nextLine() };
}

function signed(id: string, body: string, key = secret, timestamp = new Date()): RequestInit {
  const signature = new Webhook(key).sign(id, timestamp, body);
  const seconds = String(Math.floor(timestamp.getTime() / 1_000));
  const headers = { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signature };
  return { method: "POST", body, headers };
}

/** As it stands: fetch would resolve the dots itself. */
async function statusOf(url: string, path: string): Promise<number | undefined> {
  const sent = request(url, { path }).end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}

test("serves the site and nothing outside of it, and ends on SIGTERM", async () => {
  const { child, url } = await start([]);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const home = await fetch(`${url}/`);
  expect(home.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await home.text()).toBe(sampleText("site/index.html"));
  expect(await (await fetch(`${url}/robots.txt`)).text()).toContain("Disallow: /private/");
  expect((await fetch(`${url}/companies/keel-and-anvil.html?x=1`)).status).toBe(200);
  for (const path of [
    "/none.html",
    "/companies",
    "/../documents/tasting-notes.txt",
    "/a%00.html",
    "/%2e%2e%2fdocuments%2ftasting-notes.txt",
    "/..%2fdocuments%2ftasting-notes.txt",
  ])
    expect(await statusOf(url, path), path).toBe(404);
  expect(await siteFile("/../documents/tasting-notes.txt")).toBeUndefined();
  expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});

test("takes callbacks that are signed, and says so", async () => {
  const { url, nextLine } = await start([], { BATON_CALLBACK_SECRET: secret });
  const progress = { type: "batch.progress", percent: 40 };
  const page = { type: "batch.result", data: { page: 2, totalPages: 3 } };
  const post = (init: RequestInit) => fetch(`${url}/callbacks`, init);
  expect((await post(signed("msg_1", JSON.stringify(progress)))).status).toBe(204);
  expect(await nextLine()).toBe("batch.progress msg_1 40%");
  expect((await post(signed("msg_2", JSON.stringify(page)))).status).toBe(204);
  expect(await nextLine()).toBe("batch.result page 2/3 msg_2");
  expect(await (await fetch(`${url}/callbacks`)).json()).toEqual([
    { webhookId: "msg_1", receivedAt: expect.any(String), body: progress },
    { webhookId: "msg_2", receivedAt: expect.any(String), body: page },
  ]);
});

test("refuses callbacks that are not signed, signed by others, changed or old", async () => {
  const { url, nextLine } = await start([], { BATON_CALLBACK_SECRET: secret });
  const other = `whsec_${Buffer.from("another secret").toString("base64")}`;
  const hourAgo = new Date(Date.now() - 3_600_000);
  const wrong: readonly RequestInit[] = [
    { method: "POST", body: "{}" },
    signed("msg_1", "{}", other),
    { ...signed("msg_1", "{}"), body: '{"changed":true}' },
    signed("msg_1", "{}", secret, hourAgo),
  ];
  for (const init of wrong) {
    expect((await fetch(`${url}/callbacks`, init)).status).toBe(401);
    expect(await nextLine()).toMatch(/^refused: /);
  }
  expect(await (await fetch(`${url}/callbacks`)).json()).toEqual([]);
});

test("reads the secret from a file that may come later", async () => {
  const file = join(temporaryFolder(), "secret");
  const { url, nextLine } = await start(["--secret-file", file]);
  const send = () => fetch(`${url}/callbacks`, signed("msg_1", "[]"));
  expect((await send()).status).toBe(401);
  expect(await nextLine()).toContain("ENOENT");
  writeFileSync(file, `${secret}\n`);
  expect((await send()).status).toBe(204);
  expect(await nextLine()).toBe("untyped msg_1");
});
