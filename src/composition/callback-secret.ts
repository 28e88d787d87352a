import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseSecrets } from "../adapters/webhook/secrets.ts";
import { BatonError, codeOf, messageOf } from "../core/errors.ts";
import type { Configuration } from "./configuration.ts";

/**
 * What callbacks are signed with: the configured secrets, else one that is made at the first use and kept in the data
 * folder. What is returned throws `CALLBACK_SECRET_MISSING`.
 */
export function callbackSecret({
  data,
  callbackSecret: configured,
}: Pick<Configuration, "data" | "callbackSecret">): () => string {
  let secret = configured;
  return () => {
    secret ??= keptSecret(data);
    return secret;
  };
}

function keptSecret(data: string): string {
  const path = `${data}/callback-secret`;
  const text = attempt(path, () => read(path) ?? make(data, path));
  const secrets = parseSecrets(text);
  if (!secrets)
    throw new BatonError("CALLBACK_SECRET_MISSING", "The file holds no secret: remove it", { where: path });
  return secrets.join(" ");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A link fails when the name is taken, and what has the name is whole: of several makers one wins, and all read its secret. */
function make(data: string, path: string): string {
  mkdirSync(data, { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  try {
    writeFileSync(temporary, `${secret}\n`, { flag: "wx", mode: 0o600, flush: true });
    linkSync(temporary, path);
    return secret;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return readFileSync(path, "utf8");
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const message = `The secret for callbacks can't be stored: ${messageOf(error)}`;
    throw new BatonError("CALLBACK_SECRET_MISSING", message, { where: path, cause: error });
  }
}
