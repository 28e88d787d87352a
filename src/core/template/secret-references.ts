import { isJsonObject, type JsonValue } from "../values/json.ts";
import type { Definition } from "../workflow/definition.ts";
import { parseTemplate, secretsIn } from "./template.ts";

/** A value in a definition that is a secret, to judge by its name. */
export interface LiteralSecret {
  /** Path within the checked value. */
  readonly path: readonly string[];
  readonly message: string;
}

const header =
  /authorization|^cookie$|token|secret|passw|credential|api-?key|(?:^|-)(?:auth|pwd|sessionid)(?:-|$)|(?:access|account|app|application|auth|functions|license|master|private|shared|signing|subscription)-key$/i;

/** Fields of a query or a body. `nextPageToken` and similar names do not match. */
const field =
  /^(?:.*[-_.])?(?:password|passwd|pwd|secret|api[-_]?key|apikey|access[-_]?key|private[-_]?key|(?:access|auth|api|bearer|refresh|id)[-_]?token|client[-_]?secret|credentials?)$/i;
/** Names that are often no secrets. With these, the value has to look random too. */
const ambiguous = /^(?:token|key|sig|signature|code|auth)$/i;
const looksRandom = /^(?=.*\d)(?=.*[A-Za-z])[\w.~+/=%-]{16,}$/;

/** Headers with the name of a secret and a literal value. */
export function secretsInHeaders(headers: JsonValue | undefined): LiteralSecret[] {
  if (!isJsonObject(headers)) return [];
  return Object.entries(headers)
    .filter(([name, value]) => header.test(name) && isLiteral(value))
    .map(([name]) => ({ path: [name], message: adviceFor(`The header ${name}`) }));
}

/** A password before the host, and parameters of the query with the names of secrets. */
export function secretsInUrl(url: JsonValue | undefined): LiteralSecret[] {
  if (typeof url !== "string") return [];
  const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*:([^/?#@]+)@/i.exec(url) ?? [];
  const query = url.split("#", 1)[0]?.split("?").slice(1).join("?") ?? "";
  const named = query.split("&").flatMap((pair) => {
    const [name = "", ...values] = pair.split("=");
    return isSecretField(name, values.join("=")) ? [name] : [];
  });
  const messages = named.map((name) => adviceFor(`The parameter ${name} of the address`));
  if (password !== undefined && isLiteral(password))
    messages.unshift(adviceFor("The password of the address"));
  return messages.map((message) => ({ path: [], message }));
}

/** Fields of a body, at any depth, with the names of secrets. */
export function secretsInBody(body: JsonValue | undefined): LiteralSecret[] {
  if (Array.isArray(body))
    return body.flatMap((item, index) => prefixPaths(String(index), secretsInBody(item)));
  if (!isJsonObject(body)) return [];
  return Object.entries(body).flatMap(([name, value]) =>
    isSecretField(snakeCase(name), value)
      ? [{ path: [name], message: adviceFor(`The field ${name}`) }]
      : prefixPaths(name, secretsInBody(value)),
  );
}

export function prefixPaths(name: string, found: readonly LiteralSecret[]): LiteralSecret[] {
  return found.map(({ path, message }) => ({ path: [name, ...path], message }));
}

function isSecretField(name: string, value: JsonValue): boolean {
  const isNamed = field.test(name) || (ambiguous.test(name) && looksRandom.test(String(value)));
  return isNamed && isLiteral(value);
}

/** Whether a value is literal text, without a reference. With `{{ 'text' }}` the author says that it is no secret. */
function isLiteral(value: JsonValue): boolean {
  if (typeof value !== "string" || value === "" || isQuoted(value)) return false;
  return !parseTemplate(value).some(
    (piece) => piece.kind === "mistake" || (piece.kind === "reference" && piece.reference.root !== "batchId"),
  );
}

function isQuoted(value: string): boolean {
  return /^\s*(?:[\w-]+\s+)?\{\{\s*["']/.test(value);
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2");
}

function adviceFor(what: string): string {
  return (
    `${what} is a secret by its name, and would be stored with every batch. Write {{ secrets.NAME }}, or, ` +
    "if it is no secret, {{ 'the text' }}"
  );
}

/** Prefix of the variables that hold secrets of tasks. A workflow can refer to no other variable. */
export const taskSecretPrefix = "BATON_TASK_SECRET_";

export interface TaskSecretReference {
  readonly workflowId: string;
  readonly taskId: string;
  readonly name: string;
}

/** The secrets to which the tasks of these workflows refer. */
export function taskSecretReferences(
  workflows: readonly { readonly definition: Definition }[],
): TaskSecretReference[] {
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks.flatMap(({ id: taskId, with: parameters, callback }) => {
      const names = new Set([...secretsWithin(parameters), ...secretsIn(callback?.url ?? "")]);
      return [...names].map((name) => ({ workflowId, taskId, name }));
    }),
  );
}

function secretsWithin(value: JsonValue): string[] {
  if (typeof value === "string") return secretsIn(value);
  if (Array.isArray(value)) return value.flatMap(secretsWithin);
  return isJsonObject(value) ? Object.values(value).flatMap(secretsWithin) : [];
}

/** The variables of the secrets that are not in `configured`, with a message for each. */
export function unconfiguredSecrets(
  workflows: readonly { readonly definition: Definition }[],
  configured: Iterable<string>,
): { readonly variable: string; readonly message: string }[] {
  const configuredNames = new Set(configured);
  return taskSecretReferences(workflows)
    .filter(({ name }) => !configuredNames.has(name))
    .map(({ workflowId, taskId, name }) => ({
      variable: `${taskSecretPrefix}${name}`,
      message: `It is not set, and task ${taskId} of ${workflowId} refers to the secret ${name}`,
    }));
}
