import type { SecretVariable } from "../../composition/secrets.ts";

/** Names of the secrets in Secret Manager, after the prefix. */
export const secretNames: Readonly<Record<SecretVariable, string>> = {
  BATON_CALLBACK_SECRET: "callback-secret",
  BATON_POWERBI_CLIENT_SECRET: "powerbi-client-secret",
};

/** Whether a variable comes from Secret Manager, and is written to no file. */
export function isSecret(variable: string): boolean {
  return variable in secretNames;
}
