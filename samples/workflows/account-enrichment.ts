import { workflow } from "baton-dag";
import * as z from "zod";
import { fetchPage } from "../lib/fetch-page.ts";
import { companyFields } from "../lib/page.ts";

const Input = z.object({
  job_id: z.string().min(1),
  account_id: z.string().min(1),
  lead_id: z.string().min(1).optional(),
  website: z.url({ protocol: /^https?$/ }),
  callback_url: z.url({ protocol: /^https?$/ }),
});

/** What makes two calls the same enrichment, wherever they come from. */
const identity = ["job_id", "account_id", "lead_id?"] as const;

/**
 * Reads a company's name, address and contact data from its page, and reports to `callback_url`: progress, and the
 * whole enrichment at the end. A repeated call does no work: the same callback is sent again.
 */
export default workflow("account-enrichment", { input: Input }).task(
  "enrich",
  async (context) => {
    const { input, step, callback, count, warn } = context;
    const { job_id, account_id, lead_id, website } = input;
    const page = await fetchPage(context, website);
    await callback.progress({ percent: 30, done: "page fetched" });
    // Steps outlive a batch that failed: the next one may find another page.
    const company = await step(`fields of ${page.digest}`, () => companyFields(page.html, page.url));
    await callback.progress({ percent: 60, done: "fields extracted" });
    const found = Object.entries(company).flatMap(([field, value]) => (value.length > 0 ? [field] : []));
    count("fields_found", found.length);
    if (!found.includes("name")) warn(`${page.url} does not say whose page it is`);
    return {
      result: {
        job_id,
        account_id,
        ...(lead_id !== undefined && { lead_id }),
        website,
        source: page.url,
        company,
      },
      summary: { name: company.name, found },
    };
  },
  {
    queue: "websites",
    idempotency: { key: { fields: identity }, ttl: "7d" },
    callback: { url: "{{ input.callback_url }}", archive: { key: identity } },
  },
);
