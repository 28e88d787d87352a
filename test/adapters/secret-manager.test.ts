import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { crc32c } from "../../src/adapters/secret-manager/secret-manager.ts";
import { openApp } from "../../src/app/open.ts";
import { resolveSecrets, withoutReferences } from "../../src/configuration/secrets.ts";
import { BatonError } from "../../src/core/errors/errors.ts";
import { startSecretManagerServer } from "../servers/secret-manager/server.ts";
import { folderWith } from "../workflow/temp-folder.ts";

const secret = "projects/p/secrets/callbacks";
const value = `whsec_${randomBytes(32).toString("base64")}`;

async function secretManager() {
  const server = await startSecretManagerServer();
  onTestFinished(() => server.close());
  const resolve = (name: string) =>
    resolveSecrets({ BATON_CALLBACK_SECRET: name, BATON_SECRET_MANAGER_ENDPOINT: server.url });
  return { server, resolve };
}

async function refusalOf(promise: Promise<unknown>): Promise<BatonError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof BatonError)) throw new Error(`It was not refused: ${error}`);
  return error;
}

test("the checksum is that of the standard", () => {
  // RFC 3720, B.4, and the check value of the catalogues.
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array())).toBe(0);
});

test("a reference is resolved to the version that it names, once and without credentials", async () => {
  const { server, resolve } = await secretManager();
  const first = server.add(secret, value, String(crc32c(Buffer.from(value))));
  server.add(secret, "newer\n");
  expect((await resolve(first)).BATON_CALLBACK_SECRET).toBe(value);
  expect(server.meter.of("secret_accesses")).toBe(1);
  expect(server.calls[0]?.headers.authorization).toBeUndefined();
  expect((await resolve(`${secret}/versions/latest`)).BATON_CALLBACK_SECRET).toBe("newer");
});

test("without a reference nothing is called, and the environment is unchanged", async () => {
  const { server, resolve } = await secretManager();
  expect((await resolve(value)).BATON_CALLBACK_SECRET).toBe(value);
  expect(server.calls).toEqual([]);
});

test("a request whose connection broke is repeated", async () => {
  const { server, resolve } = await secretManager();
  const name = server.add(secret, value);
  server.setFaults(({ index }) => (index < 2 ? { kind: "not_sent" } : undefined));
  expect((await resolve(name)).BATON_CALLBACK_SECRET).toBe(value);
});

test("an unreadable secret is reported with its variable, and shows nothing of any secret", async () => {
  const { server, resolve } = await secretManager();
  const damaged = server.add(secret, value, "1");
  const disabled = server.add(secret, value);
  const empty = server.add(secret, "\n");
  server.disable(disabled);
  const refusals = await Promise.all(
    [damaged, disabled, empty, `${secret}/versions/9`].map((name) => refusalOf(resolve(name))),
  );
  expect(refusals.map(({ code }) => code)).toEqual(Array(4).fill("SECRET_UNAVAILABLE"));
  const messages = refusals.map(({ message }) => message);
  expect(messages[0]).toContain("its checksum does not match");
  expect(messages[1]).toContain("is in DISABLED state");
  expect(messages[2]).toContain("The secret is empty");
  expect(messages[3]).toContain("not found");
  for (const message of messages) {
    expect(message).toMatch(/^BATON_CALLBACK_SECRET can't be read: /);
    expect(message).not.toContain(value.slice(6, 20));
  }
});

test("an endpoint that does not answer is reported as such", async () => {
  const { server, resolve } = await secretManager();
  await server.close();
  const error = await refusalOf(resolve(`${secret}/versions/1`));
  expect(error.code).toBe("SECRET_UNAVAILABLE");
  expect(error.message).toContain("No answer came");
});

test("an incomplete name is refused without a request", async () => {
  const { server, resolve } = await secretManager();
  for (const name of [secret, `${secret}/versions/1/../2`, "projects/p/locations/l/secrets/s/versions/1"])
    expect((await refusalOf(resolve(name))).code).toBe("CONFIGURATION_INVALID");
  expect(server.calls).toEqual([]);
});

test("the app is opened with the secret, and those who need none can leave it out", async () => {
  const { server } = await secretManager();
  const folder = await folderWith({});
  const environment = {
    BATON_DATA: `${folder}/data`,
    BATON_WORKFLOWS: folder,
    BATON_CALLBACK_SECRET: server.add(secret, `${value}\n`),
    BATON_SECRET_MANAGER_ENDPOINT: server.url,
  };
  const { app } = await openApp(environment, { level: "silent", serves: false });
  await app.close();
  expect(app.configuration.callbackSecret).toBe(value);
  expect(withoutReferences(environment)).not.toHaveProperty("BATON_CALLBACK_SECRET");
  expect(withoutReferences({ BATON_CALLBACK_SECRET: value })).toEqual({ BATON_CALLBACK_SECRET: value });
});
