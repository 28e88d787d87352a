import { callbackUrlRule, isCallbackUrl } from "../../core/callback.ts";
import { BatonError, TaskError, type TaskErrorOptions } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { replaceSecret } from "../../core/template/template.ts";
import { SecretRedactor } from "../../core/values/secrets.ts";
import { redactUrl } from "../../core/values/text.ts";
import type { CallbackRequest, CallbackSender } from "../../ports/callbacks.ts";
import type { HttpClient, HttpResponse } from "../../ports/http.ts";
import type { Clock, Ids, Secrets } from "../../ports/machine.ts";

/** Sizes of a secret, from the specification of Standard Webhooks. */
const secretBytes = { least: 24, most: 64 };
const prefix = "whsec_";

/**
 * Parses secrets separated by blanks: each is `whsec_` and the base64 of 24 to 64 bytes. Undefined if there is none or
 * any is malformed; without a reason, so that no error can show a secret.
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
  return bytes.length >= secretBytes.least && bytes.length <= secretBytes.most;
}

/** The same as for the `http` task. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

interface WebhookDependencies {
  readonly http: HttpClient;
  /**
   * One or more secrets separated by blanks. Each of them signs, so that receivers can be moved to a new one in turn.
   */
  readonly secret: () => string;
  /** Secrets that callback URLs may refer to. */
  readonly secrets: Secrets;
  readonly clock: Pick<Clock, "now">;
  readonly ids: Pick<Ids, "unique">;
}

/** Sends callbacks by the Standard Webhooks specification. */
export class WebhookSender implements CallbackSender {
  readonly #dependencies: WebhookDependencies;

  constructor(parts: WebhookDependencies) {
    this.#dependencies = parts;
  }

  async send(callback: CallbackRequest): Promise<void> {
    const { webhookId, body, timeoutSeconds, signal } = callback;
    const at = new Date(this.#dependencies.clock.now());
    const { url, secrets } = await this.#resolveUrl(callback);
    const response = await this.#dependencies.http.request({
      url,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": webhookId,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
        "webhook-signature": await this.#sign(webhookId, at, body),
      },
      body,
      ...(secrets && { secrets }),
      timeoutSeconds,
      maxResponseBytes: limits.callbackAnswerBytes,
      signal,
      // A redirected POST would become a GET, lose its signature, or reach an unintended receiver.
      followRedirects: false,
    });
    assertAccepted(url, response);
  }

  /** Inserts the secrets that the workflow's own text refers to. A reference in an input stays text. */
  async #resolveUrl({ url, secrets: names = [] }: CallbackRequest) {
    if (names.length === 0) return { url };
    const revealed = names.map(async (name) => ({
      name,
      mark: `secret${this.#dependencies.ids.unique()}`,
      value: await this.#dependencies.secrets.read(name),
    }));
    const marked = await Promise.all(revealed);
    const secrets = new SecretRedactor(marked);
    const withMarks = marked.reduce((text, { name, mark }) => replaceSecret(text, name, mark), url);
    const address = secrets.revealInUrl(withMarks);
    if (!isCallbackUrl(address)) throw new BatonError("CALLBACK_URL_INVALID", callbackUrlRule);
    return { url: address, secrets };
  }

  async #sign(webhookId: string, at: Date, body: string): Promise<string> {
    const secrets = parseSecrets(this.#dependencies.secret());
    if (!secrets)
      throw new BatonError("CALLBACK_SECRET_MISSING", "There is no secret to sign callbacks with");
    const { Webhook } = await import("standardwebhooks");
    return secrets.map((secret) => new Webhook(secret).sign(webhookId, at, body)).join(" ");
  }
}

/**
 * The error shows neither the request, the path nor the response, because receivers often repeat what they were sent.
 */
function assertAccepted(url: string, { status, headers, retryAfterSeconds }: HttpResponse): void {
  const address = redactUrl(url);
  const { location } = headers;
  if (status >= 300 && status <= 399 && location !== undefined && URL.canParse(location, url))
    throw statusError(
      `POST ${address} was redirected to ` +
        `${describeRedirect(address, new URL(location, url))}; callbacks need that address`,
    );
  if (status >= 200 && status <= 299) return;
  throw statusError(`POST ${address} answered ${status}`, {
    retryable: retryableStatuses.has(status) || status >= 500,
    retryAfterSeconds,
  });
}

function describeRedirect(address: string, target: URL): string {
  const other = redactUrl(target.href);
  return other === address ? "another path of it" : other;
}

function statusError(message: string, options: TaskErrorOptions = { retryable: false }): TaskError {
  return new TaskError(message, { code: "HTTP_STATUS", ...options });
}
