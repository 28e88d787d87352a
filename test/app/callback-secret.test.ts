import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { callbackSecret } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { temporaryFolder } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";

const one = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
const two = `whsec_${Buffer.alloc(64, 2).toString("base64")}`;
const secretIn = (data: string, environment: Record<string, string> = {}) =>
  callbackSecret(readConfiguration({ BATON_DATA: data, ...environment }));

test("a secret is created at the first use, readable by its owner only, and reused", () => {
  const data = join(temporaryFolder(), "data");
  const secret = secretIn(data);
  expect(existsSync(data)).toBe(false);
  const made = secret();
  expect(made).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(secret()).toBe(made);
  expect(secretIn(data)()).toBe(made);
  expect(readFileSync(join(data, "callback-secret"), "utf8").trim()).toBe(made);
  if (process.platform !== "win32") expect(statSync(join(data, "callback-secret")).mode & 0o777).toBe(0o600);
  expect(readdirSync(data)).toEqual(["callback-secret"]);
  expect(secretIn(temporaryFolder())()).not.toBe(made);
});

test("many processes at once get the same secret", async () => {
  const data = temporaryFolder();
  const module = new URL("../../src/app/embedded.ts", import.meta.url).href;
  // They start together, as soon as the clock says so: loading takes each its own time.
  const script = `
    const { callbackSecret } = await import(${JSON.stringify(module)});
    process.stdout.write("ready");
    process.stdin.once("data", () => {
      process.stdout.write(callbackSecret({ data: ${JSON.stringify(data)}, callbackSecret: undefined })());
      process.exit();
    });`;
  const children = Array.from({ length: 6 }, () =>
    endedWithTest(() =>
      spawn(process.execPath, ["--input-type=module", "--eval", script], {
        stdio: ["pipe", "pipe", "inherit"],
      }),
    ),
  );
  await Promise.all(children.map((child) => once(child.stdout, "data")));
  const answers = children.map(async (child) => String((await once(child.stdout, "data"))[0]));
  for (const child of children) child.stdin.write("go");
  expect(new Set(await Promise.all(answers))).toEqual(new Set([secretIn(data)()]));
  expect(readdirSync(data)).toEqual(["callback-secret"]);
});

test("the configured secrets are used, and no file is created", () => {
  const data = temporaryFolder();
  expect(secretIn(data, { BATON_CALLBACK_SECRET: one })()).toBe(one);
  expect(secretIn(data, { BATON_CALLBACK_SECRET: ` ${two}  ${one}\n` })()).toBe(`${two} ${one}`);
  expect(readdirSync(data)).toEqual([]);
});

test("the file may contain several secrets", () => {
  const data = temporaryFolder();
  writeFileSync(join(data, "callback-secret"), `${two}\n${one}\n`);
  expect(secretIn(data)()).toBe(`${two} ${one}`);
});

const bytes = (count: number) => Buffer.alloc(count, 7).toString("base64");

test.each([
  "",
  "hunter2hunter2hunter2hunter2hunter2",
  bytes(32),
  "whsec_",
  `whsec_${bytes(23)}`,
  `whsec_${bytes(65)}`,
  `whsec_${bytes(32).replace("=", "")}`,
  `whsec_${bytes(33)}!`,
  `whsec_${Buffer.alloc(33, 255).toString("base64url")}`,
  `WHSEC_${bytes(32)}`,
  `${one} ${bytes(32)}`,
  `${one},${two}`,
])("BATON_CALLBACK_SECRET=%j is refused, and not shown", (text) => {
  const read = () => readConfiguration({ BATON_CALLBACK_SECRET: text });
  expect(read).toThrow(expect.objectContaining({ code: "CONFIGURATION_INVALID" }));
  expect(read).toThrow(/BATON_CALLBACK_SECRET/);
  if (text !== "" && text !== "whsec_")
    expect(read).not.toThrow(expect.objectContaining({ message: expect.stringContaining(text) }));
});

test("a file without a secret, or one that can't be read or created, is CALLBACK_SECRET_MISSING", () => {
  const data = temporaryFolder();
  writeFileSync(join(data, "callback-secret"), "");
  const missing = expect.objectContaining({
    code: "CALLBACK_SECRET_MISSING",
    message: expect.stringContaining(join(data, "callback-secret")),
  });
  expect(secretIn(data)).toThrow(missing);
  const folder = temporaryFolder();
  mkdirSync(join(folder, "callback-secret"));
  expect(secretIn(folder)).toThrow(expect.objectContaining({ code: "CALLBACK_SECRET_MISSING" }));
});

test.skipIf(process.platform === "win32" || process.getuid?.() === 0)(
  "a data folder that can't be written to is CALLBACK_SECRET_MISSING, and the next use tries again",
  () => {
    const data = temporaryFolder();
    const secret = secretIn(data);
    chmodSync(data, 0o500);
    expect(secret).toThrow(expect.objectContaining({ code: "CALLBACK_SECRET_MISSING" }));
    chmodSync(data, 0o700);
    expect(secret()).toMatch(/^whsec_/);
  },
);
