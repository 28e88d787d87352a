import type { CheerioAPI } from "cheerio";
import * as z from "zod";
import { oneLine } from "./html-text.ts";
import { microdataItem } from "./microdata.ts";

/** What structured data says of an organisation. */
export interface Organisation {
  readonly name: string;
  readonly description: string;
  readonly industry: string;
  readonly emails: readonly string[];
  readonly phones: readonly string[];
  /** Other addresses of the same organisation, as in `sameAs`. */
  readonly profiles: readonly string[];
  readonly address: string;
}

const NodeSchema = z.record(z.string(), z.unknown());
type Node = z.infer<typeof NodeSchema>;

/** Names of schema.org's types that are organisations; it has some hundred, most of them end so. */
const organisationType =
  /(Organization|Corporation|Business|Store|Restaurant|Airline|NGO|Consortium|(Professional|Legal|Financial)Service)$/;

/** Structured data nested deeper than this is not about the company. */
const deepest = 8;

/** The first organisation of the page's JSON-LD, else of its microdata; empty when there is none. */
export function organisationOf($: CheerioAPI): Organisation {
  return describe(
    jsonLdNodes($).find(isOrganisation) ?? microdataItem($, (type) => organisationType.test(type)) ?? {},
  );
}

function describe(node: Node): Organisation {
  const contactPoints = nodesOf(node.contactPoint);
  return {
    name: textOf(node.name) || textOf(node.legalName),
    description: textOf(node.description),
    industry: textOf(node.industry) || textOf(node.naics),
    emails: [node, ...contactPoints].flatMap((part) => textsOf(part.email)),
    phones: [node, ...contactPoints].flatMap((part) => textsOf(part.telephone)),
    profiles: textsOf(node.sameAs),
    address: addressOf(node.address),
  };
}

function jsonLdNodes($: CheerioAPI): readonly Node[] {
  const scripts = $('script[type="application/ld+json" i]').toArray();
  return scripts.flatMap((script) => nodesWithin(parseJson($(script).text()), 0));
}

/** A block that is no JSON says nothing; the page may have others. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Every object in there, the outer ones first: a company may be the `publisher` of a page or stand in a `@graph`. */
function nodesWithin(value: unknown, depth: number): readonly Node[] {
  if (depth > deepest) return [];
  if (Array.isArray(value)) return value.flatMap((item) => nodesWithin(item, depth + 1));
  const node = NodeSchema.safeParse(value);
  if (!node.success) return [];
  return [node.data, ...Object.values(node.data).flatMap((child) => nodesWithin(child, depth + 1))];
}

function isOrganisation(node: Node): boolean {
  return textsOf(node["@type"]).some((type) => organisationType.test(type));
}

function addressOf(value: unknown): string {
  const [node] = nodesOf(value);
  if (!node) return textOf(value);
  const country = nodesOf(node.addressCountry)[0]?.name ?? node.addressCountry;
  const town = [textOf(node.postalCode), textOf(node.addressLocality)].filter(Boolean).join(" ");
  const lines = [textOf(node.streetAddress), town, textOf(node.addressRegion), textOf(country)];
  return lines.filter(Boolean).join(", ");
}

function nodesOf(value: unknown): readonly Node[] {
  return (Array.isArray(value) ? value : [value]).flatMap((item) => {
    const node = NodeSchema.safeParse(item);
    return node.success ? [node.data] : [];
  });
}

function textOf(value: unknown): string {
  return textsOf(value)[0] ?? "";
}

function textsOf(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items
    .filter((item) => typeof item === "string" || typeof item === "number")
    .map((item) => oneLine(String(item)))
    .filter(Boolean);
}
