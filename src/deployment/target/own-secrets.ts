import type { RawEnvironment, VariableProblem } from "../../composition/variable-problems.ts";

/** The variables of one's own: those that are set as they are, and those that come from Secret Manager. */
export interface OwnVariables {
  readonly literal: Readonly<Record<string, string>>;
  /** By variable, as `gcloud run deploy --set-secrets` takes them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly problems: readonly VariableProblem[];
}

const isMeant = /^(?:projects\/[^/]+\/secrets\/|secret:)/;
const long = /^projects\/([\w.:-]+)\/secrets\/([\w-]{1,255})\/versions\/(\d+|[A-Za-z][\w-]*)$/;
const short = /^secret:([\w-]{1,255})(?::(\d+|[A-Za-z][\w-]*))?$/;

/** Tells secrets, which are named by `projects/P/secrets/NAME/versions/V` or `secret:NAME`, from all else. */
export function ownVariablesOf(variables: Readonly<Record<string, string>>, projectId: string): OwnVariables {
  const literal: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  const problems: VariableProblem[] = [];
  for (const [name, value] of Object.entries(variables)) {
    if (!isMeant.test(value)) {
      literal[name] = value;
      continue;
    }
    const { reference, problem: message } = forCloudRun(value.trim(), projectId);
    if (message !== undefined) problems.push({ variable: name, message });
    if (reference !== undefined) secrets[name] = reference;
  }
  return { literal, secrets, problems };
}

/** gcloud knows another project by its number alone. */
function forCloudRun(
  value: string,
  projectId: string,
): { readonly reference?: string; readonly problem?: string } {
  const [, name, version = "latest"] = short.exec(value) ?? [];
  if (name !== undefined) return { reference: `${name}:${version}` };
  const [, project = "", secret, number] = long.exec(value) ?? [];
  if (secret === undefined)
    return {
      problem:
        "a secret is named by secret:<name>, secret:<name>:<version> or projects/<project>/secrets/<name>/versions/<version>",
    };
  if (project === projectId) return { reference: `${secret}:${number}` };
  if (/^\d+$/.test(project)) return { reference: `projects/${project}/secrets/${secret}:${number}` };
  return {
    problem: `another project is named by its number: gcloud projects describe ${project} --format='value(projectNumber)'`,
  };
}

const soundsSecret = /SECRET|TOKEN|PASS|PWD|API_?KEY|_KEY(?:_|$)|^KEY$|CREDENTIAL|DSN(?:_|$)|WEBHOOK/i;

/** An address with a password in it, also inside a longer text. */
const holdsPassword = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:[^\s/?#@]+@/i;

/** Variables that hold what is probably a secret: their values are shown nowhere. */
export function likelySecrets(literal: RawEnvironment): readonly string[] {
  return Object.entries(literal)
    .filter(([name, value = ""]) => value !== "" && (soundsSecret.test(name) || holdsPassword.test(value)))
    .map(([name]) => name);
}

/** As they are shown to people and programs. */
export function withoutLikelySecrets(
  variables: Readonly<Record<string, string>>,
  own: RawEnvironment,
): Readonly<Record<string, string>> {
  const hidden = likelySecrets(own);
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, hidden.includes(name) ? "…" : value]),
  );
}
