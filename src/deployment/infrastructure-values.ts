import { deliverySettings, type PermissionSet, permissions } from "../configuration/google-requirements.ts";
import { limits } from "../core/limits.ts";
import { daySeconds } from "../core/values/time.ts";
import { type NameRule, nameRules } from "./settings.ts";

/** Values of `infra/*.tf` by the name that a comment gives them, as Terraform writes them. */
export const infrastructureValues: ReadonlyMap<string, string> = new Map([
  ...Object.entries(permissions).map(
    ([name, { roles }]: [string, PermissionSet]) => [`roles.${name}`, listOf(roles)] as const,
  ),
  ...Object.entries(permissions).flatMap(([name, { roles }]: [string, PermissionSet]) =>
    roles.map((role, index) => [`role.${name}.${index}`, JSON.stringify(role)] as const),
  ),
  ...Object.entries(deliverySettings).flatMap(([part, settings]) =>
    Object.entries(settings).map(([name, value]) => [`${part}.${name}`, numberOf(name, value)] as const),
  ),
  ...Object.entries(nameRules).map(([name, rule]) => [`form.${name}`, conditionOf(name, rule)] as const),
  [
    "range.retention_days",
    `var.retention_days >= ${limits.minRetentionSeconds / daySeconds} && floor(var.retention_days) == var.retention_days`,
  ],
  [
    "range.function_timeout_seconds",
    `var.function_timeout_seconds >= ${limits.minFunctionSeconds} && var.function_timeout_seconds < ${limits.deliveryDeadlineSeconds}`,
  ],
  ["range.lease_seconds", `var.lease_seconds > 60 && var.lease_seconds <= ${limits.leaseSeconds}`],
]);

function listOf(roles: readonly string[]): string {
  return `toset([${roles.map((role) => JSON.stringify(role)).join(", ")}])`;
}

/** Durations are texts in Terraform, but for the ack deadline. */
function numberOf(name: string, value: number): string {
  return name.endsWith("Seconds") && name !== "ackDeadlineSeconds" ? `"${value}s"` : String(value);
}

function conditionOf(name: string, { pattern, most, mayBeEmpty }: NameRule): string {
  const form = `can(regex(${JSON.stringify(pattern)}, var.${name}))`;
  const length = most === undefined ? "" : ` && length(var.${name}) <= ${most}`;
  return `${mayBeEmpty ? `var.${name} == "" || ` : ""}${form}${length}`;
}

/** The text of a file of `infra/` with the values that its comments `# table: <name>` ask for. Throws for an unknown name. */
export function withInfrastructureValues(text: string): string {
  return text.replaceAll(/^( *\w+ += ).+?( +# table: (\S+))$/gm, (_, before, after, name) => {
    const value = infrastructureValues.get(name);
    if (value === undefined) throw new Error(`There is no value ${name}`);
    return `${before}${value}${after}`;
  });
}
