import { functionSecrets } from "../plan/function-environment.ts";
import { likelySecrets } from "../target/own-secrets.ts";
import type { Prepared } from "./prepare.ts";
import type { ServingFunction } from "./serving.ts";

/** A variable that the function has before or after. */
export interface VariableChange {
  readonly name: string;
  readonly kind: "added" | "removed" | "changed";
  /** Of Baton's own, the values; undefined: not there, or not to be shown. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Null: it comes from Secret Manager. */
type ServedVariables = Readonly<Record<string, string | null>>;

/** What a deployment changes in the variables of a function that is there, by name. Secrets are the same, whichever they are. */
export function variableChanges(
  { deployment, target }: Pick<Prepared, "deployment" | "target">,
  environment: Readonly<Record<string, string>>,
  { variables: before }: ServingFunction,
): readonly VariableChange[] {
  const secrets = [...functionSecrets(deployment).map(([name]) => name), ...Object.keys(target.ownSecrets)];
  const after: ServedVariables = {
    ...environment,
    ...Object.fromEntries(secrets.map((name) => [name, null])),
  };
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (before[name] === after[name]) return [];
    const kind = !(name in before) ? "added" : name in after ? "changed" : "removed";
    return [{ name, kind, before: shown(name, before), after: shown(name, after) }];
  });
}

function shown(name: string, variables: ServedVariables): string | undefined {
  const value = variables[name];
  if (value === null) return "a secret";
  const isHidden = value === undefined || !name.startsWith("BATON_");
  return isHidden || likelySecrets({ [name]: value }).length > 0 ? undefined : value;
}
