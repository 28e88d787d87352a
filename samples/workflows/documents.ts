import { http, schedule, workflow } from "baton-dag";
import * as z from "zod";
import { chunksOf } from "../lib/chunks.ts";
import { fetchPage } from "../lib/fetch-page.ts";
import { mainText } from "../lib/page.ts";
import { textOfDocument } from "../lib/text-of-document.ts";
import { withChunkTable } from "../lib/with-chunk-table.ts";

const Document = z.object({
  document_id: z.string().min(1),
  /** Its name in the inbox. */
  file: z.string().min(1),
});

/**
 * Cuts the text of a PDF or a text file into chunks. The same submission within an hour gets the result of the first.
 */
export const processDocument = workflow("process_document", { input: Document }).task(
  "process",
  async ({ input: { document_id, file }, services, count }) => {
    const bytes = await services.objects.read({ bucket: "inbox", object: file });
    const { text, pages, kind } = await textOfDocument(bytes, file);
    const chunks = chunksOf(text, { documentId: document_id, characters: 800, overlap: 100 });
    // The id of a chunk follows from its text: an attempt after one that died just here adds none.
    count(
      "chunks_added",
      withChunkTable((table) => table.replace(document_id, chunks)),
    );
    return { document_id, kind, pages, characters: text.length, chunks: chunks.length };
  },
  { queue: "documents", retry: { maxAttempts: 4, initial: "60s" }, idempotency: { ttl: "1h" } },
);

/** The main text of a page, as its site's robots.txt allows. */
export const scrapeWebsite = workflow("scrape_website", {
  input: z.object({ url: z.url({ protocol: /^https?$/ }) }),
}).task(
  "scrape",
  async (context) => {
    const { url, html } = await fetchPage(context, context.input.url);
    const { title, description, text } = await mainText(html);
    context.count("characters", text.length);
    return { url, title, description, text };
  },
  { queue: "websites", idempotency: true },
);

/**
 * Posts a message to a receiver, once. A receiver that did not answer gets the same `Idempotency-Key` with the next
 * attempt, so that it can recognise a repetition.
 */
export const sendNotification = workflow("send_notification", {
  input: z.object({
    url: z.url({ protocol: /^https?$/ }),
    recipient: z.string().min(1),
    message: z.string().min(1),
  }),
}).task(
  "send",
  http({
    url: "{{ input.url }}",
    body: { recipient: "{{ input.recipient }}", message: "{{ input.message }}" },
  }),
  {
    queue: "notifications",
    retry: { maxAttempts: 4, initial: "30s" },
    // The longest that is allowed.
    idempotency: { ttl: "366d" },
  },
);

/** Deletes chunks that were not stored again for some days. It also runs on demand, never two at once. */
export const cleanupOldData = workflow("cleanup_old_data", {
  input: z.preprocess((input) => input ?? {}, z.object({ days: z.int().min(1).default(30) })),
  on: [schedule("0 3 * * *")],
}).task(
  "clean",
  ({ input: { days }, count }) => {
    const deleted = withChunkTable((table) => table.deleteOlderThan(days));
    count("chunks_deleted", deleted);
    return { days, chunks_deleted: deleted };
  },
  {
    retry: { maxAttempts: 3 },
    idempotency: { key: () => "chunk-table", onLocked: "skip", recurring: true },
  },
);

/** How much text there is, document by document. It is counted at most once in an hour. */
export const generateAnalyticsReport = workflow("generate_analytics_report").task(
  "report",
  () => {
    const documents = withChunkTable((table) => table.documents());
    const total = (field: "chunks" | "characters") =>
      documents.reduce((sum, document) => sum + document[field], 0);
    return {
      documents: documents.length,
      chunks: total("chunks"),
      characters: total("characters"),
      by_document: documents,
    };
  },
  { idempotency: { ttl: "1h" } },
);
