/** What secrets look like that come near Baton: those of callbacks, and tokens in the header of a request. */
const secrets = /(whsec_|bearer\s+)[\w+/=.~-]+/gi;

/** Nobody means to log a secret; the message of somebody else's error may quote one. */
export function withoutSecrets(line: string): string {
  return line.replace(secrets, "$1…");
}
