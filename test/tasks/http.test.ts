import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { GuardedHttpClient } from "../../src/adapters/http/http-client.ts";
import { type HttpParameters, http, httpType } from "../../src/tasks/http.ts";
import { type Circumstances, runBuiltIn } from "./run-built-in.ts";

interface Seen {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let url: string;
let seen: Seen[];
let answer: { status: number; type: string; body: string };
const client = new GuardedHttpClient({ allowPrivate: true });

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, headers } = request;
    seen.push({ method, headers, body: Buffer.concat(chunks).toString() });
    if (request.url === "/silent") return;
    response.writeHead(answer.status, { "content-type": answer.type }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  seen = [];
  answer = { status: 200, type: "application/json", body: '{"ok":true}' };
});

const run = (parameters: Partial<HttpParameters> = {}, circumstances: Circumstances = {}) =>
  runBuiltIn(httpType, http({ url, ...parameters }), { http: client }, circumstances);

it("gets without a body, posts JSON with one, and sends its idempotency key", async () => {
  expect(await run()).toEqual({ status: 200, body: { ok: true } });
  await run({ body: { rows: [1, 2] } });
  await run({ method: "DELETE", body: null });
  expect(seen.map(({ method, body }) => [method, body])).toEqual([
    ["GET", ""],
    ["POST", '{"rows":[1,2]}'],
    ["DELETE", "null"],
  ]);
  expect(seen[0]?.headers).toMatchObject({ "idempotency-key": "batch-1/it" });
  expect(seen[0]?.headers).not.toHaveProperty("content-type");
  expect(seen[1]?.headers).toMatchObject({
    "idempotency-key": "batch-1/it",
    "content-type": "application/json",
  });
});

it("sends the author's headers, which come before its own", async () => {
  const headers = { "X-Trace": "t", "Content-Type": "application/vnd.x+json" };
  await run({ body: 1, headers });
  expect(seen[0]?.headers).toMatchObject({
    "x-trace": "t",
    "content-type": "application/vnd.x+json",
  });
});

it("fills placeholders, which keep their types", async () => {
  const parents = { load: { rows: 31 } };
  await run(
    { body: { text: "{{ input.who }}: {{ parents.load.rows }}", rows: "{{ parents.load.rows }}" } },
    { input: { who: "me" }, parents },
  );
  expect(seen[0]?.body).toBe('{"text":"me: 31","rows":31}');
});

it.each([
  ["application/json; charset=utf-8", "[1]", [1]],
  ["application/problem+json", '{"a":1}', { a: 1 }],
  ["application/json", "not json", "not json"],
  ["text/plain", "[1]", "[1]"],
])("reads an answer of type %s: %s", async (type, body, value) => {
  answer = { status: 200, type, body };
  expect((await run()).body).toEqual(value);
});

it.each([
  [408, true],
  [425, true],
  [429, true],
  [500, true],
  [503, true],
  [400, false],
  [401, false],
  [404, false],
  [304, false],
])("after status %i another attempt may succeed: %s", async (status, retryable) => {
  answer = { status, type: "text/plain", body: status === 304 ? "" : "because of this" };
  const failure = { name: "TaskError", code: "HTTP_STATUS", retryable };
  await expect(run()).rejects.toMatchObject(failure);
});

it("reports the status and the beginning of the answer, and nothing of the request", async () => {
  const said = "Cannot POST /secret-path?key=secret, nor /secret-path: ";
  answer = { status: 422, type: "text/plain", body: `${said}${"x".repeat(2_000)}` };
  const failed = run({
    url: `${url}/secret-path?key=secret`,
    headers: { "X-Key": "secret" },
    body: "secret",
  });
  const { message } = await failed.then(
    () => expect.unreachable(),
    (error: Error) => error,
  );
  expect(message).toMatch(/^POST http:\/\/127\.0\.0\.1:\d+ answered 422: Cannot POST …, nor …: x/);
  expect(message.length).toBeLessThan(600);
  expect(message).not.toContain("secret");
});

it("accepts the expected statuses, and only those", async () => {
  answer.status = 404;
  expect((await run({ expect: [200, 404] })).status).toBe(404);
  answer.status = 201;
  await expect(run({ expect: [200] })).rejects.toMatchObject({ code: "HTTP_STATUS", retryable: false });
  answer.status = 204;
  expect(await run()).toEqual({ status: 204, body: "" });
});

it("keeps its limits", async () => {
  answer.body = JSON.stringify("x".repeat(1_000));
  await expect(run({ maxResponseBytes: 1_000 })).rejects.toMatchObject({ code: "HTTP_FAILED" });
  const slow = run({ url: `${url}/silent`, timeout: "200ms" });
  await expect(slow).rejects.toMatchObject({ code: "HTTP_FAILED", retryable: true });
  await expect(run({ timeout: "{{ 'soon' }}" })).rejects.toMatchObject({ code: "TASK_PARAMETERS_INVALID" });
});

it("stops when the task is aborted", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("cancelled")), 50);
  const stopped = run({ url: `${url}/silent` }, { signal: controller.signal });
  await expect(stopped).rejects.toThrow("cancelled");
});

it("refuses private addresses unless they are allowed", async () => {
  const guarded = new GuardedHttpClient({ allowPrivate: false });
  const refused = runBuiltIn(httpType, http({ url }), { http: guarded });
  await expect(refused).rejects.toMatchObject({ code: "HTTP_ADDRESS_REFUSED", retryable: false });
  expect(seen).toEqual([]);
  await guarded.close();
});

it.each([{ method: "GET", body: 1 } as const, { expect: [] }, { expect: [7] }, { maxResponseBytes: 0 }])(
  "refuses parameters that can't be right: %j",
  (parameters) =>
    expect(() => http({ url: "https://example.com", ...parameters })).toThrow(
      expect.objectContaining({ code: "TASK_PARAMETERS_INVALID" }),
    ),
);

it("refuses an answer with a number that would be changed, and keeps it as a text when asked to", async () => {
  answer.body = '{"orders":[{"id":7615917337495251231,"price":0.1}],"__proto__":{"admin":true}}';
  await expect(run()).rejects.toMatchObject({
    code: "NUMBER_NOT_EXACT",
    retryable: false,
    message: expect.stringMatching(/7615917337495251231.*body\.orders\[0\]\.id.*`largeNumbers: text`/),
  });
  const kept = await run({ largeNumbers: "text" });
  expect(JSON.stringify(kept)).toBe(
    `{"status":200,"body":${answer.body.replace("7615917337495251231", '"7615917337495251231"')}}`,
  );
});

it("refuses an answer that repeats a key, and one that is nested too deep", async () => {
  answer.body = '{"orders":[{"id":1,"id":2}]}';
  for (const largeNumbers of ["refuse", "text"] as const)
    await expect(run({ largeNumbers })).rejects.toMatchObject({
      code: "KEY_REPEATED",
      retryable: false,
      message: expect.stringMatching(/the key "id" twice \(body\.orders\[0\]\.id\)\.$/),
    });
  answer.body = `${"[".repeat(100_000)}0.1234567890123456789${"]".repeat(100_000)}`;
  await expect(run()).rejects.toMatchObject({ code: "TASK_RESULT_NOT_JSON", retryable: false });
});
