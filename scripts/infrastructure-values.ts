import {
  consolePermissions,
  deliverySettings,
  type PermissionSet,
  permissions,
} from "../src/configuration/google-requirements.ts";
import { limits } from "../src/core/limits.ts";
import { daySeconds } from "../src/core/values/time.ts";
import { type NameRule, nameRules } from "../src/deployment/settings.ts";

/** Values of `infra/*.tf` in Terraform's form, by the name in the comment of their line. */
export const infrastructureValues: ReadonlyMap<string, string> = new Map([
  ...Object.entries(permissions).map(
    ([name, { roles }]: [string, PermissionSet]) => [`roles.${name}`, terraformSet(roles)] as const,
  ),
  ...Object.entries<Pick<PermissionSet, "roles">>({ ...permissions, ...consolePermissions }).flatMap(
    ([name, { roles }]) =>
      roles.map((role, index) => [`role.${name}.${index}`, JSON.stringify(role)] as const),
  ),
  ...Object.entries(deliverySettings).flatMap(([part, settings]) =>
    Object.entries(settings).map(
      ([name, value]) => [`${part}.${name}`, terraformNumber(name, value)] as const,
    ),
  ),
  ...Object.entries(nameRules).map(
    ([name, rule]) => [`form.${name}`, validationCondition(name, rule)] as const,
  ),
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

function terraformSet(roles: readonly string[]): string {
  return `toset([${roles.map((role) => JSON.stringify(role)).join(", ")}])`;
}

/** Durations are texts in Terraform, except the ack deadline. */
function terraformNumber(name: string, value: number): string {
  return name.endsWith("Seconds") && name !== "ackDeadlineSeconds" ? `"${value}s"` : String(value);
}

function validationCondition(name: string, { pattern, most, mayBeEmpty }: NameRule): string {
  const form = `can(regex(${JSON.stringify(pattern)}, var.${name}))`;
  const length = most === undefined ? "" : ` && length(var.${name}) <= ${most}`;
  return `${mayBeEmpty ? `var.${name} == "" || ` : ""}${form}${length}`;
}

/** Replaces the values of lines that end in `# table: <name>`. Throws for an unknown name. */
export function withInfrastructureValues(text: string): string {
  return text.replaceAll(/^( *\w+ += ).+?( +# table: (\S+))$/gm, (_, before, after, name) => {
    const value = infrastructureValues.get(name);
    if (value === undefined) throw new Error(`There is no value ${name}`);
    return `${before}${value}${after}`;
  });
}
