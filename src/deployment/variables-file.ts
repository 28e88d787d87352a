import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { EnvironmentSchema } from "../configuration/environment.ts";
import { parseSecretReference, type SecretVariable } from "../configuration/secrets.ts";
import type { VariableProblem } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { taskSecretPrefix } from "../core/template/secret-references.ts";
import { nearestName } from "../core/values/text.ts";
import { DeploymentSettingsSchema } from "./settings.ts";

export type TextVariables = Readonly<Record<string, string>>;

/** A value in any quotes, or without quotes and with no # inside a word; only a comment may follow. */
const statement =
  /^[^\S\n]*(?:export[^\S\n]+)?(?<name>[A-Za-z_]\w*)[^\S\n]*=[^\S\n]*(?:(?<quote>["'`])[\s\S]*?\k<quote>|(?!["'`])(?:[^\s#]|[^\S\n](?!#))*)[^\S\n]*(?:(?<=\s|["'`=])#.*)?$/;

/** Any line: without a statement (empty, or a comment), with one, or of another form, which has no name. */
const anyLine = new RegExp(`^(?<none>[^\\S\\n]*(?:#.*)?)$|${statement.source}|^.+$`, "gm");

/**
 * Reads a file of lines `NAME=value`. Node's own parser ignores lines that it does not understand, so each line is
 * checked. Throws `USAGE` if the file can't be read.
 */
export function readVariablesFile(path: string) {
  const text = readText(path);
  const variables: TextVariables = Object.fromEntries(
    Object.entries(parseEnv(text)).map(([name, value]) => [name, value ?? ""]),
  );
  const lines = new Map<string, number>();
  const findProblem = (line: number, name: string | undefined) => {
    if (name === undefined) return form;
    const first = lines.get(name);
    if (first !== undefined) return `${name} is set in line ${first} already`;
    lines.set(name, line);
    return nameProblem(name, variables[name] ?? "");
  };
  const problems = [...text.matchAll(anyLine)].flatMap(({ index, groups }) => {
    if (groups?.none !== undefined) return [];
    const line = text.slice(0, index).split("\n").length;
    const message = findProblem(line, groups?.name);
    return message === undefined ? [] : [{ variable: `line ${line} of ${path}`, message }];
  });
  return { variables, problems };
}

const form =
  "expected NAME=value: a value with a # or a quote needs quotes around all of it; only # and a comment may follow";

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8")
      .replace(/^\uFEFF/, "")
      .replaceAll("\r\n", "\n");
  } catch (cause) {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, {
      cause,
      remedy: "Give --variables a file of lines NAME=value; its path starts at the current folder.",
    });
  }
}

const known = Object.keys({ ...EnvironmentSchema.shape, ...DeploymentSettingsSchema.shape }).filter((name) =>
  name.startsWith("BATON_"),
);

/** Set by Cloud Run, or refused by it: https://cloud.google.com/run/docs/container-contract#env-vars */
const reserved = /^PORT$|^(?:K|CLOUD_RUN|FUNCTION|X_GOOGLE)_/;

/** With the values of another machine, the function would not start. */
const instanceVariable = /^(?:PATH|HOME|GOOGLE_APPLICATION_CREDENTIALS)$/;

/** Why a file of variables may not set this one. */
function nameProblem(name: string, value: string): string | undefined {
  if (reserved.test(name)) return `Cloud Run sets ${name} itself: remove it from the file`;
  if (instanceVariable.test(name)) return `The instance sets ${name} itself: remove it from the file`;
  const isTaskSecret = name.startsWith(taskSecretPrefix);
  if (isTaskSecret && !secretPrefix.test(value)) return `${name} is a secret: ${storeItText(name)}`;
  const setIt = "set it in the environment of the first `baton deploy`, which stores it in Secret Manager";
  if (isSecret(name) && !value.trim().startsWith("projects/")) return `${name} is a secret: ${setIt}`;
  if (isTaskSecret || !name.startsWith("BATON_") || known.includes(name)) return undefined;
  const meant = nearestName(name, known);
  return `Baton has no variable ${name}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

/** The names of the secrets in Secret Manager, without the prefix. */
export const secretNames: Readonly<Record<SecretVariable, string>> = {
  BATON_CALLBACK_SECRET: "callback-secret",
  BATON_POWERBI_CLIENT_SECRET: "powerbi-client-secret",
};

/** Variables that Cloud Run reads from Secret Manager when an instance starts, each with its secret. */
export function functionSecrets(deployment: { readonly prefix: string; readonly usesPowerBi: boolean }) {
  return Object.entries(secretNames)
    .filter(([variable]) => deployment.usesPowerBi || variable === "BATON_CALLBACK_SECRET")
    .map(([variable, name]) => [variable, `${deployment.prefix}-${name}`] as const);
}

/** Whether a variable of Baton's comes from Secret Manager, and is written to no file. */
export function isSecret(variable: string): boolean {
  return variable in secretNames;
}

export function storeItText(name: string): string {
  return `store it in Secret Manager, and write ${name}=secret:<name of the secret>`;
}

const secretPrefix = /^(?:projects\/[^/]+\/secrets\/|secret:)/;

const referenceForm =
  "a secret is named by secret:<name>, secret:<name>:<version> or projects/<project>/secrets/<name>/versions/<version>";

/**
 * The user's own variables: values, and references to secrets (`projects/P/secrets/NAME/versions/V` or `secret:NAME`)
 * in the form of `gcloud run deploy --set-secrets`.
 */
export function parseOwnVariables(variables: readonly (readonly [string, string])[], projectId: string) {
  const literal: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  const problems: VariableProblem[] = [];
  for (const [variable, value] of variables) {
    const reference = parseSecretReference(value);
    const { project = projectId, name, version } = reference ?? {};
    if (!secretPrefix.test(value)) literal[variable] = value;
    else if (!reference) problems.push({ variable, message: referenceForm });
    else if (project === projectId) secrets[variable] = `${name}:${version}`;
    else if (/^\d+$/.test(project)) secrets[variable] = `projects/${project}/secrets/${name}:${version}`;
    else problems.push({ variable, message: numberForm(project) });
  }
  return { literal, secrets, problems };
}

function numberForm(project: string): string {
  const command = `gcloud projects describe ${project} --format='value(projectNumber)'`;
  return `name another project by its number, which this prints: ${command}`;
}

const secretName = /SECRET|TOKEN|PASS|PWD|API_?KEY|_KEY(?:_|$)|^KEY$|CREDENTIAL|DSN(?:_|$)|WEBHOOK/i;

/** A URL with a password, also inside a longer text. */
const urlWithPassword = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:[^\s/?#@]+@/i;

/** Whether a variable probably holds a secret. If so, its value is never shown. */
export function looksSecret(name: string, value: string): boolean {
  return value !== "" && (secretName.test(name) || urlWithPassword.test(value));
}
