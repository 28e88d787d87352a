import { BatonError, TaskError, type TaskErrorOptions } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { shownAddress } from "../../core/shown-address.ts";
import type { CallbackRequest, CallbackSender } from "../../ports/callbacks.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HttpClient, HttpResponse } from "../../ports/http-client.ts";
import { parseSecrets } from "./secrets.ts";

/** As for the `http` task. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Callbacks by Standard Webhooks. `secret` gives one secret or several separated by blanks; each of them signs, so that
 * receivers can change theirs one by one.
 */
export class WebhookSender implements CallbackSender {
  readonly #http: HttpClient;
  readonly #secret: () => string;
  readonly #clock: Pick<Clock, "now">;

  constructor(http: HttpClient, secret: () => string, clock: Pick<Clock, "now">) {
    this.#http = http;
    this.#secret = secret;
    this.#clock = clock;
  }

  async send({ url, webhookId, body, timeoutSeconds, signal }: CallbackRequest): Promise<void> {
    const at = new Date(this.#clock.now());
    const response = await this.#http.request({
      url,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": webhookId,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
        "webhook-signature": await this.#sign(webhookId, at, body),
      },
      body,
      timeoutSeconds,
      maxResponseBytes: limits.callbackAnswerBytes,
      signal,
      // A redirected POST arrives as a GET, without its signature, or where nobody was to see it.
      followRedirects: false,
    });
    checkAnswer(url, response);
  }

  async #sign(webhookId: string, at: Date, body: string): Promise<string> {
    const secrets = parseSecrets(this.#secret());
    if (!secrets)
      throw new BatonError("CALLBACK_SECRET_MISSING", "There is no secret to sign callbacks with");
    const { Webhook } = await import("standardwebhooks");
    return secrets.map((secret) => new Webhook(secret).sign(webhookId, at, body)).join(" ");
  }
}

/** Says neither what was sent, nor where exactly, nor what was answered: receivers like to repeat what they were sent. */
function checkAnswer(url: string, { status, headers, retryAfterSeconds }: HttpResponse): void {
  const place = shownAddress(url);
  const { location } = headers;
  if (status >= 300 && status <= 399 && location !== undefined && URL.canParse(location, url))
    throw refusal(
      `POST ${place} was redirected to ${redirectedTo(place, new URL(location, url))}; callbacks need that address`,
    );
  if (status >= 200 && status <= 299) return;
  throw refusal(`POST ${place} answered ${status}`, {
    retryable: retryableStatuses.has(status) || status >= 500,
    retryAfterSeconds,
  });
}

function redirectedTo(place: string, target: URL): string {
  const other = shownAddress(target.href);
  return other === place ? "another path of it" : other;
}

function refusal(message: string, options: TaskErrorOptions = { retryable: false }): TaskError {
  return new TaskError(message, { code: "HTTP_STATUS", ...options });
}
