import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { DataformService } from "../../src/adapters/dataform/dataform.ts";
import { PowerBiService } from "../../src/adapters/power-bi/power-bi.ts";
import { GoogleCredentials } from "../../src/adapters/remote/google-credentials.ts";
import { googleRest } from "../../src/adapters/remote/google-rest.ts";
import { sendRequest } from "../../src/adapters/remote/http-request.ts";
import { AnyObjectSchema } from "../../src/adapters/remote/service-response.ts";
import { CloudObjectStore } from "../../src/adapters/storage/object-store.ts";
import { limits } from "../../src/core/limits.ts";
import { noFaults } from "../servers/kit/faults.ts";
import { type HttpCall, type HttpReply, serveTestHttp } from "../servers/kit/http-server.ts";
import { Identity } from "../servers/power-bi/identity.ts";
import { dataset, powerBiServer, principal, workspace } from "../tasks/power-bi-place.ts";
import { folderWith } from "../workflow/temp-folder.ts";

afterEach(() => vi.unstubAllEnvs());

const { signal } = new AbortController();
const identity = new Identity(principal);

async function answering(handle: (call: HttpCall) => HttpReply | Promise<HttpReply>): Promise<string> {
  const server = await serveTestHttp({ service: "remote", faults: noFaults, handle });
  onTestFinished(() => server.close());
  return server.url;
}

/** Takes requests, and answers none. */
const silent = () => answering(() => Promise.withResolvers<never>().promise);

function powerBi(apiEndpoint: string, authority: string): PowerBiService {
  return new PowerBiService({ ...principal, apiEndpoint, authority });
}

const calls: Record<string, (url: string) => Promise<unknown>> = {
  "a service of Google's": (endpoint) =>
    googleRest({ service: "https://example.googleapis.com", endpoint }).call({
      method: "POST",
      path: "/v1/a",
      body: {},
      answer: AnyObjectSchema,
      signal,
    }),
  Dataform: (apiEndpoint) =>
    new DataformService({ apiEndpoint }).cancel("projects/p/workflowInvocations/i", signal),
  "a download of Cloud Storage": (apiEndpoint) =>
    new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint }).read({
      bucket: "bucket",
      object: "a",
    }),
  "Power BI": async (url) => {
    const { url: authority } = await powerBiServer();
    return powerBi(url, authority).start({ workspace, dataset, options: {}, signal });
  },
  "the secret of Power BI, to the identity platform": (url) =>
    powerBi(url, url).refreshes({ workspace, dataset }, signal),
};

test.each(Object.entries(calls))("what proves who we are follows no redirect: %s", async (_, call) => {
  const elsewhere: HttpCall[] = [];
  const target = await answering((request) => {
    elsewhere.push(request);
    return { status: 200, body: {} };
  });
  const url = await answering((request) => {
    const isMetadata = request.path.endsWith("/.well-known/openid-configuration");
    const headers = { location: `${target}${request.path}` };
    return (isMetadata && identity.answer(request)) || { status: 307, headers };
  });
  await expect(call(url)).rejects.toThrow("redirect");
  expect(elsewhere).toEqual([]);
});

test("an answer is waited for as long as was said", async () => {
  const url = await silent();
  const asked = sendRequest({ url, method: "GET", headers: {}, timeoutMs: 50 });
  await expect(asked).rejects.toThrow("timeout");
  const rest = googleRest({ service: "", endpoint: url, timeoutMs: 50 });
  await expect(
    rest.call({ method: "GET", path: "/v1/a", answer: AnyObjectSchema, signal }),
  ).rejects.toMatchObject({
    code: 0,
    message: expect.stringMatching(/^No answer came: .*timeout/),
  });
});

test.each([
  [{ error: { message: "the quota is used up" } }, "the quota is used up"],
  [Buffer.from("<h1>Bad gateway</h1>"), "<h1>Bad gateway</h1>"],
  [Buffer.alloc(0), "no reason was given"],
])("a refusal says what the answer says: %o", async (body, reason) => {
  const rest = googleRest({ service: "", endpoint: await answering(() => ({ status: 502, body })) });
  await expect(
    rest.call({ method: "GET", path: "/v1/a", answer: AnyObjectSchema, signal }),
  ).rejects.toMatchObject({
    code: 502,
    message: expect.stringContaining(`It answered 502: ${reason}`),
  });
});

test("an aborted call rejects with the reason of its signal", async () => {
  const reason = new Error("the batch was cancelled");
  const rest = googleRest({ service: "", endpoint: await silent() });
  const call = rest.call({
    method: "GET",
    path: "/v1/a",
    answer: AnyObjectSchema,
    signal: AbortSignal.abort(reason),
  });
  await expect(call).rejects.toBe(reason);
});

test("an answer that grows too large while it is unpacked is not read to its end", async () => {
  const body = (bytes: number) => gzipSync(Buffer.alloc(bytes, "a"));
  const ask = async (bytes: number) => {
    const reply = { status: 200, headers: { "content-encoding": "gzip" }, body: body(bytes) };
    const url = await answering(() => reply);
    return sendRequest({ url, method: "GET", headers: {}, timeoutMs: 60_000 });
  };
  await expect(ask(limits.serviceAnswerBytes + 1)).rejects.toThrow(
    `the answer is larger than ${limits.serviceAnswerBytes} bytes`,
  );
  expect((await ask(1_000)).body).toBe("a".repeat(1_000));
});

test("a missing token is awaited until the configured timeout", async () => {
  const folder = await folderWith({});
  const file = `${folder}/credentials.json`;
  const account = {
    type: "external_account",
    audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: "https://sts.googleapis.com/v1/token",
    credential_source: { url: await silent() },
  };
  await writeFile(file, JSON.stringify(account));
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", file);
  const asked = new GoogleCredentials({ timeoutMs: 100 }).headers();
  await expect(asked).rejects.toMatchObject({
    code: 0,
    message: "No token could be fetched: no answer within 100 ms",
  });
});
