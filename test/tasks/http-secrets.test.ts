import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { GuardedHttpClient } from "../../src/adapters/http/http-client.ts";
import { type HttpParameters, http, httpType } from "../../src/tasks/http.ts";
import { runQuery, runQueryType } from "../../src/tasks/run-query.ts";
import { type Circumstances, runBuiltIn } from "./run-built-in.ts";

const token = 'tok "9137"/x';
const secrets = { API_TOKEN: token, HEADER: "tok-header-9137" };

interface Seen {
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A real server that keeps what it is sent; `answer` comes back. */
async function serve(answer: RequestListener = (_, response) => void response.end("{}")) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    seen.push({ url: request.url, headers: request.headers, body: await text(request) });
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function run(parameters: HttpParameters, circumstances: Circumstances = {}) {
  const client = new GuardedHttpClient({ allowPrivate: true });
  onTestFinished(() => client.close());
  return runBuiltIn(httpType, http(parameters), { http: client }, { secrets, ...circumstances });
}

const json = (body: unknown, status = 200): RequestListener => {
  return (_, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

test("address, headers and body carry the secrets that they name", async () => {
  const { url, seen } = await serve();
  await run({
    url: `${url}/{{ secrets.HEADER }}?key={{ secrets.API_TOKEN }}`,
    headers: { authorization: "Bearer {{ secrets.HEADER }}" },
    body: { password: "{{ secrets.API_TOKEN }}", list: ["{{ secrets.HEADER }}!"] },
  });
  expect(seen[0]?.url).toBe(`/tok-header-9137?key=${encodeURIComponent(token)}`);
  expect(seen[0]?.headers.authorization).toBe("Bearer tok-header-9137");
  expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ password: token, list: ["tok-header-9137!"] });
});

describe("an input names no secret", () => {
  test.each(["{{ secrets.HEADER }}", "{{secrets.API_TOKEN}}"])("%s", async (value) => {
    const { url, seen } = await serve();
    const parents = { before: { text: value } };
    await run(
      {
        url,
        headers: { "x-input": "{{ input.text }}", authorization: "Bearer {{ secrets.HEADER }}" },
        body: ["{{ input }}", "{{ parents.before.text }}"],
      },
      { input: { text: value }, parents },
    );
    expect(seen[0]?.headers["x-input"]).toBe(value);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual([{ text: value }, value]);
  });
});

test("a secret that is not configured is named and nothing is sent; other variables can't be used", async () => {
  const { url, seen } = await serve();
  const asked = run({ url, headers: { authorization: "{{ secrets.PATH }}" } });
  await expect(asked).rejects.toMatchObject({
    code: "SECRET_NOT_CONFIGURED",
    message: "BATON_TASK_SECRET_PATH is not set here",
  });
  expect(seen).toEqual([]);
});

describe("an answer that repeats a secret is kept without it", () => {
  const asking = (url: string): HttpParameters => ({
    url: `${url}?key={{ secrets.API_TOKEN }}`,
    headers: { authorization: "Bearer {{ secrets.HEADER }}" },
  });
  const repeated = {
    authorization: "Bearer tok-header-9137",
    deep: [{ url: `/x?key=${encodeURIComponent(token)}` }],
  };

  test("as the result", async () => {
    const { url } = await serve(json({ ...repeated, [token]: 1 }));
    const { body } = await run(asking(url));
    expect(body).toEqual({
      authorization: "Bearer [secret HEADER]",
      deep: [{ url: "/x?key=[secret API_TOKEN]" }],
      "[secret API_TOKEN]": 1,
    });
  });

  test("as text", async () => {
    const { url } = await serve(
      (_, response) => void response.end(`You sent ${token}: ${JSON.stringify(token)}`),
    );
    const { body } = await run(asking(url));
    expect(body).toBe('You sent [secret API_TOKEN]: "[secret API_TOKEN]"');
  });

  test("in an error, also where that is cut off in the midst of it", async () => {
    for (const filler of [0, 480, 490, 495]) {
      const { url } = await serve((_, response) => {
        response.writeHead(401).end(`${"x".repeat(filler)}tok-header-9137 ${token}`);
      });
      const error: unknown = await run(asking(url)).catch((thrown: unknown) => thrown);
      expect(String(error)).toContain("answered 401");
      expect(String(error)).not.toContain("9137");
      expect(String(error)).not.toMatch(/tok/);
    }
  });
});

describe("a redirect to another origin gets no secret", () => {
  const redirect = (target: () => string, status = 307): RequestListener => {
    return (_, response) => void response.writeHead(status, { location: target() }).end();
  };

  test("headers with one are left out, whatever their names are", async () => {
    const other = await serve();
    const { url } = await serve(redirect(() => `${other.url}/there`));
    await run({
      url,
      headers: {
        authorization: "{{ secrets.HEADER }}",
        "user-agent": "me {{ secrets.HEADER }}",
        accept: "text/plain",
      },
    });
    expect(JSON.stringify(other.seen)).not.toContain("tok");
    expect(other.seen[0]?.headers.accept).toBe("text/plain");
  });

  test.each(["body", "address"])("one in the %s ends the request", async (where) => {
    const other = await serve();
    const target = where === "body" ? other.url : `${other.url}/?key=${encodeURIComponent(token)}`;
    const { url } = await serve(redirect(() => target));
    const asked = run({
      url: `${url}?key={{ secrets.API_TOKEN }}`,
      ...(where === "body" && { body: { password: "{{ secrets.API_TOKEN }}" } }),
    });
    await expect(asked).rejects.toMatchObject({
      code: "HTTP_FAILED",
      retryable: false,
      message: expect.stringContaining("which would receive a secret"),
    });
    expect(other.seen).toEqual([]);
  });

  test("a redirect within its own origin is followed", async () => {
    const own = await serve((request, response) => {
      if (request.url === "/there") response.end("{}");
      else response.writeHead(307, { location: "/there" }).end();
    });
    await run({
      url: own.url,
      headers: { authorization: "{{ secrets.HEADER }}" },
      body: ["{{ secrets.API_TOKEN }}"],
    });
    expect(own.seen[1]?.headers.authorization).toBe("tok-header-9137");
    expect(own.seen[1]?.body).toBe(JSON.stringify([token]));
  });
});

test("a request that gets no answer shows none", async () => {
  const { url } = await serve((request) => void request.destroy());
  const error: unknown = await run({
    url: `${url}/{{ secrets.HEADER }}`,
    headers: { "x-a": "a\n{{ secrets.API_TOKEN }}" },
  }).catch((thrown: unknown) => thrown);
  expect(String(error)).not.toContain("9137");
});

test("a secret is refused where a task type would store it", async () => {
  const query = runQuery({ sql: "SELECT $a AS a", into: "t", parameters: { a: "{{ secrets.HEADER }}" } });
  await expect(runBuiltIn(runQueryType, query, {}, { secrets })).rejects.toMatchObject({
    code: "TEMPLATE_INVALID",
    message: expect.stringContaining("`parameters` of runQuery can't hold a secret"),
  });
});

test("one that is written out is refused where the task is written", () => {
  const write = () =>
    http({ url: "https://a.example", headers: { authorization: "Bearer sk-live-4f9a1c77e2" } });
  expect(write).toThrow(expect.objectContaining({ code: "SECRET_IN_DEFINITION" }));
  expect(write).toThrow("{{ secrets.NAME }}");
  expect(write).not.toThrow("sk-live");
});
