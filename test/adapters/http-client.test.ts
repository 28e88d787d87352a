import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import {
  addressRefusal,
  type Guard,
  publicAddressesOnly,
  type Resolve,
} from "../../src/adapters/http/guard.ts";
import { GuardedHttpClient } from "../../src/adapters/http/http-client.ts";
import type { HttpRequest } from "../../src/ports/http.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function serve(
  listener: RequestListener,
  host = "127.0.0.1",
): Promise<{ port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function client(allowPrivate: boolean, guard: Partial<Guard> = {}): GuardedHttpClient {
  const made = new GuardedHttpClient({ allowPrivate, guard: { ...publicAddressesOnly, ...guard } });
  cleanUps.push(() => made.close());
  return made;
}

const ask = (url: string, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  url,
  method: "GET",
  headers: {},
  body: undefined,
  timeoutSeconds: 30,
  maxResponseBytes: 1_000_000,
  signal: new AbortController().signal,
  ...rest,
});
/** Treats one address that is reserved for tests as public; every other is judged as always. */
const exceptFor = (known: string) => (address: string) =>
  address === known ? undefined : addressRefusal(address);
const refusedAddress = { name: "TaskError", code: "HTTP_ADDRESS_REFUSED", retryable: false };
const redirectTo =
  (location: string, status = 302) =>
  (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, { location }).end();
async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, headers } = request;
  response.end(JSON.stringify({ method, headers, body: Buffer.concat(chunks).toString() }));
}

describe("guard", () => {
  const hosts = [
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "localhost",
    "[::ffff:127.0.0.1]",
  ];
  it.each(hosts)("never reaches a server at %s", async (host) => {
    const { port, seen } = await serve(echo);
    await expect(client(false).request(ask(`http://${host}:${port}/`))).rejects.toMatchObject(refusedAddress);
    expect(seen).toEqual([]);
    const allowed = await client(true).request(ask(`http://${host}:${port}/`));
    expect(allowed.status).toBe(200);
  });

  it.each([
    "http://[::1]:45678/",
    "https://127.0.0.1:45678/",
    "https://localhost:45678/",
    "http://169.254.169.254/",
  ])("refuses %s", (url) => expect(client(false).request(ask(url))).rejects.toMatchObject(refusedAddress));

  it("refuses a name when any of its addresses is private, the last one included", async () => {
    const resolve: Resolve = (_name, _options, callback) =>
      callback(null, [
        { address: "203.0.113.1", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]);
    const answer = client(false, { resolve, refusalReason: exceptFor("203.0.113.1") }).request(
      ask("http://rebind.example/"),
    );
    await expect(answer).rejects.toMatchObject(refusedAddress);
  });

  it("asks for a name once, and connects to the answer that was checked", async () => {
    const { port, seen } = await serve(echo);
    const answers = ["203.0.113.1", "127.0.0.1"];
    let asked = 0;
    const resolve: Resolve = (_name, _options, callback) =>
      callback(null, [{ address: answers[asked++] ?? "127.0.0.1", family: 4 }]);
    const request = ask(`http://rebind.example:${port}/`, { timeoutSeconds: 0.5 });
    await expect(
      client(false, { resolve, refusalReason: exceptFor("203.0.113.1") }).request(request),
    ).rejects.toMatchObject({ code: "HTTP_FAILED" });
    expect(asked).toBe(1);
    expect(seen).toEqual([]);
  });

  it.each(["file:///etc/passwd", "ftp://example.com/", "data:text/plain,x"])("refuses %s", (url) =>
    expect(client(true).request(ask(url))).rejects.toMatchObject(refusedAddress),
  );

  it.each(["not a url", "http://", "http://user:secret@example.com/secret"])(
    "refuses %j for good",
    async (url) => {
      const failure = {
        code: "HTTP_FAILED",
        retryable: false,
        message: expect.not.stringContaining("secret"),
      };
      await expect(client(true).request(ask(url))).rejects.toMatchObject(failure);
    },
  );
});

describe("redirects", () => {
  it.skipIf(process.platform !== "linux")("guards every hop, not only the first", async () => {
    const { port, seen } = await serve(echo);
    const names = [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`, `http://2130706433:${port}/`];
    const guard = {
      refusalReason: (address: string) => (address === "127.0.0.2" ? undefined : addressRefusal(address)),
    };
    for (const inside of names) {
      const { port: outside } = await serve(redirectTo(inside), "127.0.0.2");
      const request = ask(`http://127.0.0.2:${outside}/`);
      await expect(client(false, guard).request(request)).rejects.toMatchObject(refusedAddress);
      expect(seen).toEqual([]);
    }
  });

  it("refuses to leave http", async () => {
    const { port } = await serve(redirectTo("file:///etc/passwd"));
    await expect(client(true).request(ask(`http://127.0.0.1:${port}/`))).rejects.toMatchObject(
      refusedAddress,
    );
  });

  it("follows five and no more", async () => {
    const { port, seen } = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("arrived");
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const arrived = await client(true).request(ask(`http://127.0.0.1:${port}/5`));
    expect(arrived).toMatchObject({ status: 200, body: "arrived", url: `http://127.0.0.1:${port}/0` });
    const failure = { code: "HTTP_FAILED", retryable: false };
    await expect(client(true).request(ask(`http://127.0.0.1:${port}/6`))).rejects.toMatchObject(failure);
    expect(seen).toHaveLength(12);
  });

  it("keeps credentials within the origin", async () => {
    const { port: other } = await serve(echo);
    const { port } = await serve((request, response) =>
      request.url === "/here"
        ? void echo(request, response)
        : redirectTo(request.url === "/away" ? `http://127.0.0.1:${other}/` : "/here", 307)(
            request,
            response,
          ),
    );
    const headers = { Authorization: "Bearer t", Cookie: "c", "X-Api-Key": "k", "Idempotency-Key": "i" };
    const request = (path: string) =>
      client(true).request(ask(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body: "data" }));
    const here = JSON.parse((await request("/")).body);
    expect(here).toMatchObject({ method: "POST", body: "data", headers: { authorization: "Bearer t" } });
    const away = JSON.parse((await request("/away")).body);
    expect(away).toMatchObject({ method: "POST", body: "data", headers: { "idempotency-key": "i" } });
    expect(away.headers).not.toHaveProperty("authorization");
    expect(away.headers).not.toHaveProperty("cookie");
    expect(away.headers).not.toHaveProperty("x-api-key");
  });

  it.each([
    [303, "PUT", "GET", ""],
    [302, "POST", "GET", ""],
    [301, "PUT", "PUT", "data"],
    [308, "POST", "POST", "data"],
  ])("after %i a %s becomes a %s", async (status, method, then, body) => {
    const { port } = await serve((request, response) =>
      request.url === "/there"
        ? void echo(request, response)
        : redirectTo("/there", status)(request, response),
    );
    const answer = await client(true).request(ask(`http://127.0.0.1:${port}/`, { method, body: "data" }));
    expect(JSON.parse(answer.body)).toMatchObject({ method: then, body });
  });
});

describe("limits", () => {
  const endless = (_: IncomingMessage, response: ServerResponse) => {
    const timer = setInterval(() => response.write("x".repeat(10_000)), 1);
    response.on("close", () => clearInterval(timer));
  };

  it("gives up on an answer that is too large", async () => {
    const { port } = await serve(endless);
    const failure = {
      code: "HTTP_FAILED",
      retryable: false,
      message: expect.stringContaining("100000 bytes"),
    };
    const answer = client(true).request(ask(`http://127.0.0.1:${port}/`, { maxResponseBytes: 100_000 }));
    await expect(answer).rejects.toMatchObject(failure);
  });

  it("counts what is unpacked", async () => {
    const { port } = await serve((_, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(100_001))),
    );
    const request = (maxResponseBytes: number) =>
      client(true).request(ask(`http://127.0.0.1:${port}/`, { maxResponseBytes }));
    await expect(request(100_000)).rejects.toMatchObject({ code: "HTTP_FAILED", retryable: false });
    expect((await request(100_001)).body).toHaveLength(100_001);
  });

  it.each([
    ["headers", () => {}],
    ["the body", (_: IncomingMessage, response: ServerResponse) => void response.write("x")],
    ["the end", endless],
  ])("gives up when %s does not come in time", async (_what, listener) => {
    const { port } = await serve(listener);
    const request = ask(`http://127.0.0.1:${port}/`, { timeoutSeconds: 0.3, maxResponseBytes: 1e12 });
    const failure = { code: "HTTP_FAILED", retryable: true, message: expect.stringContaining("0.3 s") };
    await expect(client(true).request(request)).rejects.toMatchObject(failure);
  });

  it("stops when the task is aborted, with the reason for it", async () => {
    const { port } = await serve((_, response) => void response.write("x"));
    const controller = new AbortController();
    const answer = client(true).request(ask(`http://127.0.0.1:${port}/`, { signal: controller.signal }));
    const reason = new Error("cancelled");
    setTimeout(() => controller.abort(reason), 50);
    await expect(answer).rejects.toBe(reason);
  });
});

describe("failures", () => {
  it("may be retried when no answer comes, or the server hangs up", async () => {
    const { port } = await serve((request) => request.socket.destroy());
    const failure = { name: "TaskError", code: "HTTP_FAILED", retryable: true };
    await expect(
      client(true).request(ask(`http://127.0.0.1:${port}/secret?key=secret`)),
    ).rejects.toMatchObject({
      ...failure,
      message: expect.not.stringContaining("secret"),
    });
    const { port: closed } = await serve(echo);
    await cleanUps.pop()?.();
    await expect(client(true).request(ask(`http://127.0.0.1:${closed}/`))).rejects.toMatchObject({
      ...failure,
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("never shows the value of a header", async () => {
    const request = ask("http://127.0.0.1:45678/", { headers: { Authorization: "secret\r\nX: y" } });
    const failure = { retryable: false, message: "The request header Authorization has an invalid value" };
    await expect(client(true).request(request)).rejects.toMatchObject(failure);
  });
});
