import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { Webhook } from "standardwebhooks";
import * as z from "zod";

interface Secrets {
  readonly secret: string | undefined;
  readonly secretFile: string | undefined;
}

interface Received {
  readonly webhookId: string;
  readonly receivedAt: string;
  readonly body: unknown;
}

const HeadersSchema = z.object({
  "webhook-id": z.string(),
  "webhook-timestamp": z.string(),
  "webhook-signature": z.string(),
});

/** What is worth a line of a callback; it may stand in `data`, as Standard Webhooks would have it. */
const FactsSchema = z.object({
  page: z.number().optional().catch(undefined),
  totalPages: z.number().optional().catch(undefined),
  percent: z.number().optional().catch(undefined),
});
const CallbackSchema = z.looseObject({
  type: z.string().catch("untyped"),
  data: FactsSchema.catch({}).default({}),
});

/** Keeps the callbacks whose signature is right. */
export class CallbackReceiver {
  readonly received: Received[] = [];
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** The line says what came, or why it was refused. */
  async take(body: string, headers: IncomingHttpHeaders): Promise<{ accepted: boolean; line: string }> {
    try {
      const signed = HeadersSchema.parse(headers);
      const payload = new Webhook(await this.#secret()).verify(body, signed);
      const webhookId = signed["webhook-id"];
      this.received.push({ webhookId, receivedAt: new Date().toISOString(), body: payload });
      return { accepted: true, line: describe(payload, webhookId) };
    } catch (error) {
      const reason = error instanceof z.ZodError ? "webhook headers are missing" : messageOf(error);
      return { accepted: false, line: `refused: ${reason}` };
    }
  }

  /** Read for each callback: Baton may make the file after this has started. */
  async #secret(): Promise<string> {
    const { secret, secretFile } = this.#secrets;
    if (secret !== undefined && secret !== "") return secret;
    if (secretFile === undefined)
      throw new Error("no secret: set BATON_CALLBACK_SECRET or give --secret-file");
    return (await readFile(secretFile, "utf8")).trim();
  }
}

function describe(payload: unknown, webhookId: string): string {
  const callback = CallbackSchema.safeParse(payload);
  if (!callback.success) return `untyped ${webhookId}`;
  const { type, data } = callback.data;
  const { page, totalPages, percent } = { ...FactsSchema.parse(callback.data), ...definedOf(data) };
  const pages = page === undefined ? [] : [`page ${page}/${totalPages ?? "?"}`];
  return [type, ...pages, webhookId, ...(percent === undefined ? [] : [`${percent}%`])].join(" ");
}

function definedOf(facts: z.infer<typeof FactsSchema>): Partial<z.infer<typeof FactsSchema>> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** On one line: a sender must not write lines of its own. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ");
}
