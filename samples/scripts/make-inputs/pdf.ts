/** One line of a page: its text and the size of its letters in points. */
export interface PdfLine {
  readonly text: string;
  readonly size: number;
}

/** A text in sections; each begins a page. */
export interface PdfText {
  readonly title: string;
  readonly sections: readonly { readonly heading: string; readonly paragraphs: readonly string[] }[];
}

const headingSize = 18;
const textSize = 11;
const lettersInLine = 84;

/** One page a section, its paragraphs broken into lines. */
export function paginate({ sections }: PdfText): readonly (readonly PdfLine[])[] {
  const blank = { text: "", size: textSize };
  return sections.map(({ heading, paragraphs }) => [
    { text: heading, size: headingSize },
    ...paragraphs.flatMap((paragraph) => [
      blank,
      ...broken(paragraph).map((text) => ({ text, size: textSize })),
    ]),
  ]);
}

function broken(paragraph: string): readonly string[] {
  const pattern = new RegExp(`.{1,${lettersInLine}}(?:\\s|$)`, "g");
  return [...paragraph.matchAll(pattern)].map(([line]) => line.trim());
}

const page = { width: 595, height: 842, margin: 64 };

/** A PDF of A4 pages in Helvetica, with real text in it. Its letters are those of Latin-1. */
export function pdfOf(title: string, pages: readonly (readonly PdfLine[])[]): Buffer {
  const firstPage = 5;
  const pageIds = pages.map((_, index) => firstPage + index * 2);
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages.length} /Kids [${pageIds.map((id) => `${id} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    `<< /Title ${literal(title)} /Producer (Baton samples) >>`,
    ...pages.flatMap((lines, index) => pageObjects(lines, firstPage + index * 2 + 1)),
  ];
  return assemble(objects);
}

function pageObjects(lines: readonly PdfLine[], contentId: number): readonly string[] {
  const content = contentOf(lines);
  const box = `[0 0 ${page.width} ${page.height}]`;
  return [
    `<< /Type /Page /Parent 2 0 R /MediaBox ${box} /Resources << /Font << /F1 3 0 R >> >> /Contents ${contentId} 0 R >>`,
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
  ];
}

function contentOf(lines: readonly PdfLine[]): string {
  let height = page.height - page.margin;
  return lines
    .map(({ text, size }) => {
      height -= size * 1.5;
      return `BT /F1 ${size} Tf ${page.margin} ${height.toFixed(1)} Td ${literal(text)} Tj ET`;
    })
    .join("\n");
}

function literal(text: string): string {
  return `(${text.replaceAll(/[\\()]/g, "\\$&")})`;
}

/** The objects, then the table of the bytes where each begins. A character is one byte: the text is Latin-1. */
function assemble(objects: readonly string[]): Buffer {
  let body = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}`;
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 4 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(`${body}${table}${trailer}`, "latin1");
}
