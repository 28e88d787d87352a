import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { actions } from "../../src/app/actions.ts";
import { startTokenIssuer, type TokenIssuer } from "../servers/oidc/issuer.ts";
import { until, Workplace } from "../support/command.ts";
import { Browser } from "../support/console-browser.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { startCloud } from "./world.ts";

const workflows = fileURLToPath(new URL("workflows", import.meta.url));
const audience = "/projects/123456789012/locations/europe-west1/services/baton-console";
const operator = "ada@example.com";
const reader = "bob@example.com";

/** The console as it is deployed: the entry of the package, in a process of its own, behind a proxy that signs. */
async function consoleService() {
  const issuer = await startTokenIssuer({ algorithm: "ES256" });
  onTestFinished(() => issuer.close());
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  onTestFinished(() => cloud.close());
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    ...environment
  } = cloud.environment;
  const service = new FunctionProcess(await freePort(), {
    ...environment,
    BATON_WORKFLOWS: workflows,
    BATON_CONSOLE_AUDIENCE: audience,
    BATON_CONSOLE_OPERATORS: "Ada@Example.com, eve@example.com",
    BATON_CONSOLE_ISSUER: issuer.issuer,
    BATON_CONSOLE_KEYS_URL: issuer.jwksUrl,
  });
  onTestFinished(() => service.kill());
  await service.start();
  const visit = async (email: string) => {
    const browser = new Browser(service.url, await signed(issuer, email));
    const first = await browser.get("/b?s=ERROR");
    expect(first).toMatchObject({ status: 303, headers: { location: "/b?s=ERROR" } });
    expect(first.headers["set-cookie"]).toEqual([
      expect.stringMatching(/^__Host-baton-session=[\w-]{32}; Path=\/; Secure; HttpOnly; SameSite=Lax$/),
    ]);
    return browser;
  };
  return { cloud, functionPort: port, service, issuer, visit };
}

async function signed(issuer: TokenIssuer, email: string, other = {}): Promise<Record<string, string>> {
  return { "x-goog-iap-jwt-assertion": await issuer.token({ audience, email, ...other }) };
}

async function startBatch(environment: Readonly<Record<string, string>>): Promise<string> {
  const place = new Workplace({}, { ...environment, BATON_WORKFLOWS: workflows });
  const { json } = await place.baton(["run", "failing", "--input", "null", "--detach", "--json"]);
  return json.batchId;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

test("what the proxy has not signed for this service is refused, and shows nothing", async () => {
  const { cloud, service, issuer } = await consoleService();
  const rsa = await startTokenIssuer();
  onTestFinished(() => rsa.close());
  const claims = { aud: audience, email: operator, iss: issuer.issuer, exp: 9_999_999_999, iat: 1 };
  const refused: readonly (readonly [string, Record<string, string>])[] = [
    ["no token", {}],
    ["no token, but the header that only names an account", { "x-goog-authenticated-user-email": operator }],
    ["a word", { "x-goog-iap-jwt-assertion": "ada" }],
    ["unsigned", { "x-goog-iap-jwt-assertion": `${encoded({ alg: "none" })}.${encoded(claims)}.` }],
    ["expired", await signed(issuer, operator, { expiresInSeconds: -60 })],
    ["another service", await signed(issuer, operator, { audience: `${audience}-of-another` })],
    ["another issuer", await signed(issuer, operator, { issuer: "https://accounts.google.com" })],
    ["a forged signature", await signed(issuer, operator, { key: "other" })],
    ["another algorithm", await signed(rsa, operator, { issuer: issuer.issuer })],
    ["no account", await signed(issuer, "ada")],
  ];
  for (const [name, headers] of refused) {
    const browser = new Browser(service.url, headers);
    const page = await browser.get("/");
    expect([name, page.status, page.headers["set-cookie"]]).toEqual([name, 401, undefined]);
    expect(page.text).not.toContain("test-project");
    const change = await browser.post("/do/run", { workflowId: "mixed", input: "null" });
    expect([name, change.status]).toEqual([name, 401]);
  }
  expect(cloud.firestore.dump()).toEqual([]);
});

test("an operator acts; all others read, and the server refuses each of their changes", async () => {
  const { cloud, functionPort, service, issuer, visit } = await consoleService();
  const fn = new FunctionProcess(functionPort, { ...cloud.environment, BATON_WORKFLOWS: workflows });
  onTestFinished(() => fn.kill());
  await fn.start();
  const batchId = await startBatch(cloud.environment);
  const browser = await visit(operator);
  await until(async () => (await browser.get(`/b/${batchId}`)).text.includes('action="/do/retry"'));
  const page = await browser.get(`/b/${batchId}`);
  expect(page.text).toContain(operator);
  expect(page.text).toContain("baton in test-project");
  const form = await browser.form(`/b/${batchId}`, "retry");
  // The reader knows even the token of the form.
  const asReader = await signed(issuer, reader);
  for (const action of Object.keys(actions)) {
    const refused = await browser.post(`/do/${action}`, form, asReader);
    expect([action, refused.status]).toEqual([action, 403]);
    expect(refused.text).toContain("BATON_CONSOLE_OPERATORS");
  }
  const shown = await browser.get(`/b/${batchId}`, asReader);
  expect(shown.text).toContain("read only");
  expect(shown.text).not.toContain('action="/do/');
  const retried = await browser.post("/do/retry", form);
  expect(retried.status).toBe(303);
  const retry = String(retried.headers.location).split("?", 1)[0] ?? "";
  expect(retry).not.toBe(`/b/${batchId}`);
  await until(async () => (await browser.get(retry)).text.includes('action="/do/retry"'));
  expect(service.output).toMatch(/"actor":"ada@example.com"/);
  expect(await service.stop()).toBe(0);
});

test("a change needs the cookie that its form was made for, and the origin of the console", async () => {
  const { cloud, visit } = await consoleService();
  const batchId = await startBatch(cloud.environment);
  const browser = await visit(operator);
  const form = await browser.form(`/b/${batchId}`, "cancel");
  const other = await visit(operator);
  expect((await other.post("/do/cancel", form)).status).toBe(403);
  expect((await browser.post("/do/cancel", form, { cookie: "" })).status).toBe(401);
  expect((await browser.post("/do/cancel", form, { origin: "https://evil.example" })).status).toBe(403);
  expect((await browser.post("/do/cancel", { ...form, token: "" })).status).toBe(403);
  expect((await browser.post("/do/cancel", form)).status).toBe(303);
});

test("it takes no message, and the function serves no page of it", async () => {
  const { cloud, functionPort, service, issuer } = await consoleService();
  const headers = { ...(await signed(issuer, operator)), "content-type": "application/json" };
  const message = JSON.stringify({ workflowId: "mixed", key: "k" });
  const refused = await fetch(service.url, { method: "POST", headers, body: message });
  expect(refused.status).toBe(405);
  const fn = new FunctionProcess(functionPort, { ...cloud.environment, BATON_WORKFLOWS: workflows });
  onTestFinished(() => fn.kill());
  await fn.start();
  const answer = await fetch(fn.url, {
    headers: { accept: "text/html", ...(await signed(issuer, operator)) },
  });
  expect(await answer.json()).toEqual({ status: "ok" });
  expect(cloud.pubsub.published()).toEqual([]);
});

test("while the keys of the proxy can't be read, no visitor is let in", async () => {
  const { service, issuer } = await consoleService();
  const headers = await signed(issuer, operator);
  await issuer.close();
  const answer = await new Browser(service.url, headers).get("/");
  expect(answer.status).toBe(503);
  expect(answer.text).toContain("The keys of Identity-Aware Proxy");
});
