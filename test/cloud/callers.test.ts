import { describe, expect, test } from "vitest";
import { computeSeal, sealAttribute } from "../../src/core/messages.ts";
import { workflowOf } from "../support/graphs.ts";
import { type CloudInProcess, cloudInProcess } from "./in-process.ts";
import { projectId } from "./world.ts";

const two = workflowOf(
  "two",
  [
    ["first", []],
    ["second", ["first"]],
  ],
  async () => null,
);

async function post(
  { url }: CloudInProcess,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

const audience = "https://baton.example";
const email = "push@test-project.iam.gserviceaccount.com";

describe("a push is let in by its token alone", () => {
  const start = { workflowId: "two", key: "k" };
  const refused: readonly [string, (cloud: CloudInProcess) => Promise<Record<string, string>>][] = [
    ["a missing token", async () => ({})],
    ["no bearer token", async () => ({ authorization: "Basic YTpi" })],
    ["what is no token", async () => ({ authorization: "Bearer nonsense" })],
    ["a forged token", async ({ issuer }) => bearer(await issuer.token({ audience, email, key: "other" }))],
    [
      "an expired token",
      async ({ issuer }) => bearer(await issuer.token({ audience, email, expiresInSeconds: -60 })),
    ],
    [
      "a token for another audience",
      async ({ issuer }) => bearer(await issuer.token({ audience: "https://other.example", email })),
    ],
    [
      "a token of another issuer",
      async ({ issuer }) => bearer(await issuer.token({ audience, email, issuer: "https://issuer.example" })),
    ],
    [
      "the token of an account that may not call",
      async ({ issuer }) => bearer(await issuer.token({ audience, email: "other@example.com" })),
    ],
    [
      "an unsigned token",
      async () => bearer(`${encoded({ alg: "none" })}.${encoded({ aud: audience, email })}.`),
    ],
  ];

  test.each(refused)("%s is refused, and nothing is done", async (_, headersOf) => {
    const cloud = await cloudInProcess([two]);
    const answer = await post(cloud, start, await headersOf(cloud));
    expect(answer).toMatchObject({ status: 401, text: expect.stringContaining("CALLER_REFUSED") });
    expect(cloud.firestore.dump()).toEqual([]);
    expect(cloud.pubsub.published()).toEqual([]);
  });

  test("the right one is let in", async () => {
    const cloud = await cloudInProcess([two]);
    const headers = bearer(await cloud.issuer.token({ audience, email }));
    expect(await post(cloud, start, headers)).toMatchObject({ status: 200 });
    await cloud.idle();
    const [batch] = await cloud.app.engine.admin.list({});
    expect(batch).toMatchObject({ status: "SUCCESS" });
  });

  test("while the keys can't be read, no caller is refused: the push is delivered again", async () => {
    const cloud = await cloudInProcess([two]);
    const headers = bearer(await cloud.issuer.token({ audience, email }));
    await cloud.issuer.close();
    expect(await post(cloud, start, headers)).toMatchObject({ status: 503 });
    expect(cloud.firestore.dump()).toEqual([]);
  });

  test("bodies over the limit are refused before they are looked at", async () => {
    const cloud = await cloudInProcess([two]);
    const headers = bearer(await cloud.issuer.token({ audience, email }));
    const answer = await post(cloud, `"${"x".repeat(15 * 1024 * 1024)}"`, headers);
    expect(answer.status).toBe(413);
  });
});

describe("what only the engine may say", () => {
  const deployment = `${projectId}/baton/(default)/baton`;
  const reported = { kind: "task", taskId: "second", ready: true } as const;

  async function push(
    sealed: boolean,
    other: { secret?: string; deployment?: string } = {},
    options: { callbackSecret?: string } = {},
  ) {
    const cloud = await cloudInProcess([two], options);
    // The batch is there, and none of its tasks has run.
    cloud.pubsub.setDelivery({ maxOutstanding: 0 });
    const { batchId } = await cloud.app.engine.start({ kind: "start", workflowId: "two" });
    const data = Buffer.from(JSON.stringify({ ...reported, batchId }));
    const [secret = ""] = cloud.environment.BATON_CALLBACK_SECRET?.split(" ") ?? [];
    const seal = computeSeal({ secret, deployment, ...other }, data);
    const attributes = sealed ? { [sealAttribute]: seal } : {};
    const body = {
      message: { data: data.toString("base64"), attributes, messageId: "1" },
      subscription: "s",
    };
    const headers = bearer(await cloud.issuer.token({ audience, email }));
    const answer = await post(cloud, body, headers);
    const view = await cloud.app.engine.admin.show(batchId);
    const sent = cloud.pubsub.published();
    return { answer, second: view.tasks.find(({ taskId }) => taskId === "second")?.status, sent };
  }

  test("is believed under the seal", async () => {
    expect(await push(true)).toMatchObject({ answer: { status: 200 }, second: "SUCCESS" });
  });

  test("is not believed without it, nor under another's", async () => {
    expect(await push(false)).toMatchObject({ answer: { status: 200 }, second: "NEW" });
    for (const other of [{ secret: "whsec_other" }, { deployment: "other-project/baton/(default)/baton" }])
      expect(await push(true, other)).toMatchObject({ answer: { status: 200 }, second: "NEW" });
  });

  test("while secrets are exchanged, is believed under both, and said under the first", async () => {
    const [newer, older] = ["n", "o"].map((letter) => `whsec_${Buffer.alloc(32, letter).toString("base64")}`);
    const callbackSecret = `${newer} ${older}`;
    for (const secret of [newer, older]) {
      if (secret === undefined) throw new Error("There are two secrets");
      const { answer, second, sent } = await push(true, { secret }, { callbackSecret });
      expect({ status: answer.status, second }).toEqual({ status: 200, second: "SUCCESS" });
      const key = { secret: newer ?? "", deployment };
      for (const { data, attributes } of sent) expect(attributes[sealAttribute]).toBe(computeSeal(key, data));
      expect(sent.length).toBeGreaterThan(0);
    }
  });
});

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
