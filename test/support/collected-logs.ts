import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const variable = "BATON_TEST_LOGS";

/** What no process may ever write: secrets of callbacks, also in their paths, tokens, and the secrets of services. */
const secrets = [
  /whsec_[A-Za-z0-9+/]{16,}/,
  /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/,
  /very secret|hush-hush/,
];

/** From now on, everything that processes of the tests write is collected. False if it already is. */
export function collectLogs(): boolean {
  if (process.env[variable] !== undefined) return false;
  process.env[variable] = mkdtempSync(join(tmpdir(), "baton-test-logs-"));
  return true;
}

/** Keeps what a process wrote. */
export function collect(output: string): void {
  const folder = process.env[variable];
  if (folder) appendFileSync(join(folder, `${process.pid}.log`), output);
}

/** Throws when a secret is in what was collected; says in which line, without the secret. */
export function refuseSecrets(): void {
  const folder = process.env[variable];
  if (!folder) return;
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"));
  rmSync(folder, { recursive: true, force: true });
  const found = lines.filter((line) => secrets.some((secret) => secret.test(line)));
  const shown = found.map((line) => secrets.reduce((text, secret) => text.replace(secret, "…"), line));
  if (shown.length > 0) throw new Error(`Secrets were logged:\n${shown.join("\n")}`);
}
