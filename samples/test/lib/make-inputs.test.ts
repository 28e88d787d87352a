import { expect, test } from "vitest";
import * as z from "zod";
import { contributionLines } from "../../scripts/make-inputs/contributions.ts";
import { drawText } from "../../scripts/make-inputs/drawing.ts";
import { paginate, pdfOf } from "../../scripts/make-inputs/pdf.ts";
import { handbook, searchPdfs } from "../../scripts/make-inputs/texts.ts";
import { sampleBytes, sampleText } from "../support.ts";

const linesOf = (name: string): readonly string[] => sampleText(name).trimEnd().split("\n");

test("the inputs are what their script makes", () => {
  expect(linesOf("contributions/contributions.ndjson")).toEqual(contributionLines());
  expect(sampleBytes("documents/handbook.pdf")).toEqual(pdfOf(handbook.title, paginate(handbook)));
  for (const pdf of searchPdfs)
    expect(sampleBytes(`search/${pdf.file}`)).toEqual(pdfOf(pdf.title, paginate(pdf)));
});

test("every document to search is there, and none is listed twice", () => {
  const Listed = z.strictObject({ document_id: z.string(), file: z.string(), premium: z.boolean() });
  const listed = linesOf("search/documents.ndjson").map((line) => Listed.parse(JSON.parse(line)));
  expect(new Set(listed.map((document) => document.document_id)).size).toBe(8);
  for (const { file } of listed) expect(sampleBytes(`search/${file}`).length).toBeGreaterThan(100);
});

test("of the contributions, five lines are invalid and one is there twice", () => {
  const Contribution = z.strictObject({
    contribution_id: z.string(),
    contributed_at: z.iso.datetime(),
    contributor: z.string(),
    project: z.string(),
    amount_cents: z.int().positive(),
    currency: z.literal("EUR"),
  });
  const valid = linesOf("contributions/contributions.ndjson").flatMap((line) => {
    try {
      return [Contribution.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
  expect(linesOf("contributions/contributions.ndjson").length - valid.length).toBe(5);
  expect(valid).toHaveLength(121);
  expect(new Set(valid.map((item) => item.contribution_id)).size).toBe(120);
  expect(new Set(valid.map((item) => item.contributed_at.slice(0, 10))).size).toBe(5);
});

test("a letter the font lacks is an error, not a gap", () => {
  expect(() => drawText(["50 €"])).toThrow('The font has no "€"');
});
