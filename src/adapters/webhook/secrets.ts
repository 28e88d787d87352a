/** By Standard Webhooks, a secret has 24 to 64 bytes. */
const bytesOfSecret = { least: 24, most: 64 };
const prefix = "whsec_";

/**
 * The secrets that a text holds, separated by blanks: `whsec_` and the base64 of 24 to 64 bytes each. Undefined when
 * any is something else, or there is none. Says nothing of what it saw, so that no error can show it.
 */
export function parseSecrets(text: string): readonly string[] | undefined {
  const secrets = text.split(/\s+/).filter((secret) => secret !== "");
  return secrets.length > 0 && secrets.every(isSecret) ? secrets : undefined;
}

function isSecret(secret: string): boolean {
  if (!secret.startsWith(prefix)) return false;
  const encoded = secret.slice(prefix.length);
  const bytes = Buffer.from(encoded, "base64");
  // Node skips what is not base64; a receiver's library may not.
  if (bytes.toString("base64") !== encoded) return false;
  return bytes.length >= bytesOfSecret.least && bytes.length <= bytesOfSecret.most;
}
