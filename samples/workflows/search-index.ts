import { workflow } from "baton-dag";
import * as z from "zod";
import { askPremium } from "../lib/premium.ts";
import { isPicture, readDocument } from "../lib/read-document.ts";
import { openSearchDatabase } from "../lib/search-database.ts";

const Input = z.object({
  document_id: z.string().min(1),
  /** Its name in the inbox. */
  file: z.string().min(1),
  title: z.string().min(1).optional(),
  premium: z.boolean().default(false),
  /** A service whose answer overrides `premium`. */
  premium_url: z.url().optional(),
});

/** A reading below this confidence needs a check. */
const unsure = 70;

/**
 * Puts one document into the full-text index; `node scripts/search.ts` looks into it. Pictures are read for premium
 * accounts only. A document is processed once, however often it is submitted.
 */
export default workflow("search-index", { input: Input }).task(
  "index",
  async ({ input, step, services, signal, count, warn }) => {
    const { document_id, file, title = file, premium_url } = input;
    const index = `${process.env.BATON_DATA ?? ".baton"}/search.sqlite`;
    // A later attempt repeats no request and no read: it continues after the stored steps.
    const premium = await step("premium", () =>
      premium_url === undefined
        ? input.premium
        : askPremium(services.http, { url: premium_url, documentId: document_id, signal }),
    );
    if (!premium && isPicture(file)) {
      count("documents_left_out");
      warn(`${file} is a picture: its text is read for premium accounts only`);
      return { document_id, index, indexed: false, characters: 0, reason: "not_premium" };
    }
    const { text, readBy, confidence } = await step(`text of ${file}`, async () =>
      readDocument(await services.objects.read({ bucket: "inbox", object: file }), file, signal),
    );
    if (confidence < unsure) warn(`${file}: the OCR is only ${Math.round(confidence)} % sure of its text`);
    const database = openSearchDatabase(index);
    try {
      // One row for each document, so that writing it again, after a crash just here, changes nothing.
      database.put(document_id, title, text);
    } finally {
      database.close();
    }
    count("documents_indexed");
    count("characters", text.length);
    return { document_id, index, indexed: true, characters: text.length, reason: readBy };
  },
  {
    queue: "documents",
    timeout: "10m",
    idempotency: { key: { fields: ["document_id"] }, ttl: "24h" },
  },
);
