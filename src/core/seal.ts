import { createHmac, timingSafeEqual } from "node:crypto";

/** Attribute of a message, and header of a request, that carries the seal of its data. */
export const sealAttribute = "baton-seal";

/** What seals are made with. */
export interface SealKey {
  readonly secret: string;
  /** Names the deployment: two that share a secret do not believe each other. */
  readonly deployment: string;
}

/**
 * What shows that a message is one of Baton's own. Everybody who may publish to a topic can write what only the engine
 * should say, that the parents of a task have let it run for instance; a message with the seal is believed.
 */
export function sealOf({ secret, deployment }: SealKey, data: Uint8Array): string {
  return createHmac("sha256", `baton message of ${deployment}: ${secret}`).update(data).digest("base64url");
}

/** Whether the seal was made with one of the keys: while secrets are exchanged, there are several. */
export function isSealed(keys: readonly SealKey[], data: Uint8Array, seal: string): boolean {
  const given = Buffer.from(seal, "base64url");
  return keys.some((key) => {
    const expected = Buffer.from(sealOf(key, data), "base64url");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
