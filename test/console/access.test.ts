import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { routes } from "../../src/console/routes.ts";
import type { PageAccess } from "../../src/ports/pages.ts";
import { workflow } from "../../src/workflow/builder.ts";
import { runToEnd } from "../support/app.ts";
import { openConsole } from "./place.ts";

const greet = workflow("greet").task("hello", async () => "hello");
const failing = workflow("failing").task(
  "fail",
  async () => {
    throw new Error("no");
  },
  { retry: { maxAttempts: 1 } },
);

/** Sends a request with exactly these headers: `fetch` sets the host itself. */
function raw(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body = "",
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method, headers: { ...headers, "content-length": Buffer.byteLength(body) } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

describe("signing in", () => {
  test("a token works once, and becomes a cookie that scripts and other sites can't use", async () => {
    const { url, tokens } = await openConsole([greet]);
    expect(tokens).toHaveLength(2);
    const again = await fetch(`${url}/?token=${tokens[0]}`, { headers: { accept: "text/html" } });
    expect(again.status).toBe(401);
    const other = await fetch(`${url}/?token=${tokens[1]}`, { headers: { accept: "text/html" } });
    expect(other.status).toBe(200);
    expect(other.headers.get("set-cookie")).toMatch(
      /^baton-\S+=\S+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/,
    );
  });

  test("no page is shown without it", async () => {
    const { url } = await openConsole([greet]);
    for (const [path] of routes) {
      const answer = await fetch(url + path.replaceAll(":", "x"), { headers: { accept: "text/html" } });
      expect(answer.status, path).toBe(401);
      const forged = { accept: "text/html", cookie: "baton-0123456789=a.b.c" };
      expect((await fetch(url + path.replaceAll(":", "x"), { headers: forged })).status, path).toBe(401);
    }
  });

  test("programs still find the server by its root and its health", async () => {
    const { url } = await openConsole([greet]);
    for (const path of ["/", "/healthz"])
      expect(await (await fetch(url + path)).json()).toEqual({ status: "ok" });
  });
});

describe("requests of other sites", () => {
  test.each(["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]"])(
    "host %j is refused, for pages and for messages",
    async (host) => {
      const { url } = await openConsole([greet]);
      expect((await raw(`${url}/b`, "GET", { host, accept: "text/html" })).status).toBe(403);
      const message = await raw(
        url,
        "POST",
        { host, "content-type": "application/json" },
        '{"workflowId":"greet"}',
      );
      expect(message).toMatchObject({ status: 403, text: expect.stringContaining("HOST_REFUSED") });
    },
  );

  test.each(["localhost", "127.0.0.1", "127.8.8.8:99", "[::1]:80"])(
    "host %j is this machine",
    async (host) => {
      const { url } = await openConsole([greet]);
      const message = await raw(
        url,
        "POST",
        { host, "content-type": "application/json" },
        '{"workflowId":"greet"}',
      );
      expect(message.status).toBe(200);
    },
  );

  test("a change needs the origin of the console and the token of the session", async () => {
    const place = await openConsole([greet]);
    const form = await place.form("/w/greet", "/do/run");
    const refused = [
      await place.post("/do/run", form, { origin: "http://evil.example" }),
      await place.post("/do/run", form, { origin: "null" }),
      await raw(`${place.url}/do/run`, "POST", { host: "localhost" }, new URLSearchParams(form).toString()),
      await place.post("/do/run", { ...form, token: "" }),
      await place.post("/do/run", { ...form, token: `${form.token}x` }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 401, 403, 403]);
    expect((await place.app.engine.admin.batches({}, { limit: 10 })).batches).toEqual([]);
    expect(await place.post("/do/run", form)).toMatchObject({ status: 303 });
  });
});

describe("a visitor who may only read", () => {
  const reader: PageAccess = {
    secret: "another secret",
    identify: async () => ({ actor: "bob", mayAct: false, session: "s" }),
  };

  test("every page refuses a POST, and every action", async () => {
    const place = await openConsole([failing], { access: reader });
    const { batchId } = await runToEnd(place.app, "failing");
    const { text } = await place.get(`/b/${batchId}`);
    expect(text).toMatch(/<button[^>]* disabled title="Your account may only read">Retry/);
    expect(text + (await place.get("/w/failing")).text).not.toContain('method="post"');
    const token = "x";
    for (const [path] of routes.filter(([path]) => path !== "/"))
      expect((await place.post(path.replaceAll(":", batchId), { token })).status, path).toBe(403);
    for (const name of [
      "run",
      "retry",
      "cancel",
      "complete",
      "event",
      "replay",
      "resend",
      "unlock",
      "clear-result",
    ])
      expect((await place.post(`/do/${name}`, { token, batchId })).status, name).toBe(403);
    expect((await place.app.engine.admin.batches({}, { limit: 10 })).batches).toHaveLength(1);
    expect((await place.app.engine.deadLetters.list()).letters).toEqual([]);
  });
});

test("pages load nothing from elsewhere, and no page may frame them", async () => {
  const place = await openConsole([greet]);
  const { headers, text } = await place.get("/");
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(text.match(/(?:src|href|action)="(?!\/|#)[^"]*"/g) ?? []).toEqual([]);
  expect(headers.get("referrer-policy")).toBe("same-origin");
});

test("files of the console never change under one name", async () => {
  const place = await openConsole([greet]);
  const { text } = await place.get("/");
  const files = [...text.matchAll(/"(\/assets\/console[^"]*)"/g)].map(([, path = ""]) => path);
  expect(files).toHaveLength(2);
  for (const path of files) {
    const file = await place.get(path);
    expect(file.status).toBe(200);
    expect(file.headers.get("cache-control")).toContain("immutable");
  }
  expect((await place.get("/assets/console.000000000000.js")).status).toBe(404);
});
