import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";
import { GuardedHttpClient } from "../../src/adapters/http/http-client.ts";
import { systemIds } from "../../src/adapters/system/system.ts";
import { WebhookSender } from "../../src/adapters/webhook/sender.ts";
import { taskSecrets } from "../../src/configuration/secrets.ts";
import type { CallbackRequest } from "../../src/ports/callbacks.ts";

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const newSecret = `whsec_${Buffer.alloc(64, 2).toString("base64")}`;
const foreignSecret = `whsec_${Buffer.alloc(24, 3).toString("base64")}`;
const body = JSON.stringify({ id: "event_1", text: 'Zoë "😀"\n' });

interface Received {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that keeps what it was sent, and answers as the test says. */
async function receive(answer: RequestListener = (_, response) => void response.writeHead(204).end()) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, headers } = request;
    received.push({ method, headers, body: Buffer.concat(chunks).toString() });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  // Of some receivers the path is a password.
  return { url: `${origin}/hook/secret-path`, origin, received };
}

interface Sending extends Partial<CallbackRequest> {
  readonly url: string;
  readonly signedWith?: string;
  readonly allowPrivate?: boolean;
  readonly now?: number;
}

async function send({ signedWith = secret, allowPrivate = true, now = Date.now(), ...request }: Sending) {
  const http = new GuardedHttpClient({ allowPrivate });
  onTestFinished(() => http.close());
  const sender = new WebhookSender({
    http,
    secret: () => signedWith,
    secrets: taskSecrets({ configured: new Map([["HOOK", "T0/b c"]]), endpoint: undefined }),
    clock: { now: () => now },
    ids: systemIds,
  });
  const { signal } = new AbortController();
  await sender.send({ webhookId: "event_1", body, timeoutSeconds: 10, signal, ...request });
}

/** What a receiver does: the library and the request, nothing of Baton. */
function verify({ headers, body }: Received, withSecret: string): unknown {
  return new Webhook(withSecret).verify(body, {
    "webhook-id": String(headers["webhook-id"]),
    "webhook-timestamp": String(headers["webhook-timestamp"]),
    "webhook-signature": String(headers["webhook-signature"]),
  });
}

async function receiveOne(sending: Omit<Sending, "url"> = {}): Promise<Received> {
  const { url, received } = await receive();
  await send({ url, ...sending });
  const [first, ...others] = received;
  expect(others).toEqual([]);
  if (!first) throw new Error("Nothing came");
  return first;
}

test("the library verifies the sent callback", async () => {
  const received = await receiveOne();
  expect(received).toMatchObject({
    method: "POST",
    body,
    headers: { "content-type": "application/json", "webhook-id": "event_1" },
  });
  expect(verify(received, secret)).toEqual(JSON.parse(body));
});

test("the library refuses another secret, another body, another id and an old time", async () => {
  const received = await receiveOne();
  expect(() => verify(received, foreignSecret)).toThrow("No matching signature");
  expect(() => verify({ ...received, body: body.replace("Zoë", "Eve") }, secret)).toThrow("No matching");
  const renamed = { ...received.headers, "webhook-id": "event_2" };
  expect(() => verify({ ...received, headers: renamed }, secret)).toThrow("No matching signature");
  const redated = { ...received.headers, "webhook-timestamp": String(Math.floor(Date.now() / 1_000) + 9) };
  expect(() => verify({ ...received, headers: redated }, secret)).toThrow("No matching signature");
  const old = await receiveOne({ now: Date.now() - 301_000 });
  expect(() => verify(old, secret)).toThrow("too old");
});

test("while the secret is changed, both sign", async () => {
  const received = await receiveOne({ signedWith: `${newSecret} ${secret}` });
  expect(verify(received, secret)).toEqual(JSON.parse(body));
  expect(verify(received, newSecret)).toEqual(JSON.parse(body));
  expect(() => verify(received, foreignSecret)).toThrow("No matching signature");
});

test.each(["", "   ", "whsec_", "secret", `${secret} oops`])(
  "without a secret (%j) nothing is sent",
  async (signedWith) => {
    const { url, received } = await receive();
    await expect(send({ url, signedWith })).rejects.toMatchObject({
      name: "BatonError",
      code: "CALLBACK_SECRET_MISSING",
      message: expect.not.stringContaining("whsec_"),
    });
    expect(received).toEqual([]);
  },
);

test.each([
  [404, false],
  [400, false],
  [410, false],
  [304, false],
  [408, true],
  [425, true],
  [429, true],
  [500, true],
  [503, true],
])("%i is HTTP_STATUS, retryable: %s, and shows nothing secret", async (status, retryable) => {
  const { url, origin } = await receive(
    (_, response) => void response.writeHead(status).end(status === 304 ? "" : body),
  );
  await expect(send({ url: `${url}?token=abc` })).rejects.toMatchObject({
    name: "TaskError",
    code: "HTTP_STATUS",
    retryable,
    message: `POST ${origin} answered ${status}`,
  });
});

test.each([200, 201, 202, 299])("%i is taken", async (status) => {
  const { url, received } = await receive((_, response) => void response.writeHead(status).end("thanks"));
  await send({ url });
  expect(received).toHaveLength(1);
});

test.each([301, 302, 303, 307, 308])(
  "the target of a %i redirect has not accepted the callback",
  async (status) => {
    const elsewhere = await receive();
    const { url } = await receive(
      (_, response) => void response.writeHead(status, { location: elsewhere.url }).end(),
    );
    await expect(send({ url })).rejects.toMatchObject({
      code: "HTTP_STATUS",
      retryable: false,
      message: expect.stringMatching(new RegExp(`redirected to ${elsewhere.origin};`)),
    });
    expect(elsewhere.received).toEqual([]);
  },
);

test("a redirect on the same host says that it is another path", async () => {
  const { url } = await receive((_, response) => void response.writeHead(308, { location: "/hook/" }).end());
  await expect(send({ url })).rejects.toMatchObject({
    message: expect.stringContaining("redirected to another path of it;"),
  });
});

test("private addresses are refused unless they are allowed", async () => {
  const { url, received } = await receive();
  await expect(send({ url, allowPrivate: false })).rejects.toMatchObject({
    code: "HTTP_ADDRESS_REFUSED",
    retryable: false,
    message: expect.not.stringContaining("secret-path"),
  });
  expect(received).toEqual([]);
});

test("no answer is HTTP_FAILED and retryable; the signal ends the wait with its reason", async () => {
  const { url } = await receive(() => {});
  await expect(send({ url, timeoutSeconds: 0.2 })).rejects.toMatchObject({
    code: "HTTP_FAILED",
    retryable: true,
    message: expect.not.stringContaining("secret-path"),
  });
  const signal = AbortSignal.timeout(50);
  await expect(send({ url, signal })).rejects.toMatchObject({ name: "TimeoutError" });
});
