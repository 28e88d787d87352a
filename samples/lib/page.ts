import type { CheerioAPI } from "cheerio";
import { contactsOf } from "./contacts.ts";
import { oneLine, textWithin } from "./html-text.ts";
import { organisationOf } from "./organisation.ts";

export interface PageText {
  readonly title: string;
  readonly description: string;
  /** The main part, one block a line, without navigation, scripts, forms and footers. */
  readonly text: string;
}

/** What a page says about the company behind it. What it doesn't say is "" or an empty list. */
export interface CompanyFields {
  readonly name: string;
  readonly description: string;
  readonly industry: string;
  readonly emails: readonly string[];
  readonly phones: readonly string[];
  /** Absolute addresses of the company's profiles in social networks. */
  readonly socials: readonly string[];
  /** On one line: street, postal code and town, region, country. */
  readonly address: string;
}

const boilerplate =
  "head, title, nav, footer, aside, form, dialog, svg, iframe, object, " +
  "[hidden], [aria-hidden=true], [role=navigation], [role=contentinfo], [role=search], [role=complementary]";

/** Any text is parsed as HTML; broken HTML is read about as browsers do. */
export async function mainText(html: string): Promise<PageText> {
  const $ = await parse(html);
  const leftOut = new Set($(boilerplate).toArray());
  const main = textWithin($("main, [role=main]").first().toArray(), leftOut);
  const text = main === "" ? textWithin($.root().toArray(), leftOut) : main;
  return { title: titleOf($), description: descriptionOf($), text };
}

/** Reads JSON-LD first, then microdata, then meta tags and links. `url` is where the page came from. */
export async function companyFields(html: string, url: string): Promise<CompanyFields> {
  const $ = await parse(html);
  const organisation = organisationOf($);
  const contacts = contactsOf($, url, organisation);
  return {
    name: organisation.name || metaOf($, "og:site_name") || titleOf($),
    description: organisation.description || descriptionOf($),
    industry: organisation.industry || metaOf($, "industry"),
    ...contacts,
    address: organisation.address,
  };
}

async function parse(html: string): Promise<CheerioAPI> {
  // Only a process that reads a page loads the parser.
  const { load } = await import("cheerio");
  // Not the parser that reads all as browsers do: a page nested without end keeps that one busy for minutes. And one
  // element around the page: a search below thousands of them compares each with each.
  return load(`<page>${html}</page>`, { xml: { xmlMode: false, decodeEntities: true } });
}

function titleOf($: CheerioAPI): string {
  const title = (selector: string): string => oneLine(textWithin($(selector).first().toArray()));
  return title(":not(svg) > title") || metaOf($, "og:title") || title("h1");
}

function descriptionOf($: CheerioAPI): string {
  return metaOf($, "description") || metaOf($, "og:description");
}

function metaOf($: CheerioAPI, name: string): string {
  return oneLine($(`meta[name="${name}" i], meta[property="${name}" i]`).first().attr("content") ?? "");
}
