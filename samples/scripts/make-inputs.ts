// Writes the PDFs, pictures and contributions of the samples, the same bytes on every machine with the same zlib.
// Run: node scripts/make-inputs.ts
import { writeFileSync } from "node:fs";
import { contributionLines } from "./make-inputs/contributions.ts";
import { drawText } from "./make-inputs/drawing.ts";
import { paginate, pdfOf } from "./make-inputs/pdf.ts";
import { pngOf } from "./make-inputs/png.ts";
import { handbook, pictures, searchPdfs } from "./make-inputs/texts.ts";

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(new URL(`../data/${name}`, import.meta.url), content);
}

write("documents/handbook.pdf", pdfOf(handbook.title, paginate(handbook)));
for (const { file, ...text } of searchPdfs) write(`search/${file}`, pdfOf(text.title, paginate(text)));
for (const { file, lines } of pictures) write(file, pngOf(drawText(lines)));
write("contributions/contributions.ndjson", `${contributionLines().join("\n")}\n`);
