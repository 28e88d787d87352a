import { expect, test } from "vitest";
import { textOfDocument } from "../../lib/text-of-document.ts";
import { pdfOf } from "../../scripts/make-inputs/pdf.ts";
import { sampleBytes } from "../support.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const handbook = sampleBytes("documents/handbook.pdf");

async function refusalOf(bytes: Uint8Array, name: string): Promise<unknown> {
  return await textOfDocument(bytes, name).catch((error: unknown) => error);
}

test("a PDF gives the text of all its pages, with letters beyond ASCII", async () => {
  const { text, pages, kind } = await textOfDocument(handbook, "handbook.pdf");
  expect({ pages, kind }).toEqual({ pages: 3, kind: "pdf" });
  expect(text).toMatch(/^1\. Receiving goods/);
  expect(text).toContain("Tea is kept away from coffee");
  expect(text.replaceAll(/\s+/g, " ")).toContain("Parcels to Zürich and Geneva need a customs form");
});

test("a PDF is known by its bytes, whatever its name, and the caller's bytes stay whole", async () => {
  const before = handbook.slice();
  expect((await textOfDocument(handbook, "upload.bin")).kind).toBe("pdf");
  expect(handbook).toEqual(before);
});

test("text and Markdown are taken as they are; HTML gives what can be read", async () => {
  const notes = await textOfDocument(sampleBytes("documents/tasting-notes.txt"), "Notes.TXT");
  expect(notes).toMatchObject({ pages: 1, kind: "text" });
  expect(notes.text).toMatch(/^Tasting notes, spring lot\n\n/);
  const plan = await textOfDocument(sampleBytes("documents/release-plan.md"), "release-plan.md");
  expect(plan.kind).toBe("markdown");
  expect(plan.text).toMatch(/^# Plan for the autumn range/);
  const page = bytesOf("\uFEFF<title>T</title><nav>menu</nav><p>One<p>Two<script>no()</script>");
  expect(await textOfDocument(page, "a.html")).toEqual({ text: "One\nTwo", pages: 1, kind: "html" });
});

test.for([
  ["nothing", new Uint8Array(), "a.pdf", "DOCUMENT_EMPTY"],
  ["blanks", bytesOf(" \n\t "), "a.txt", "DOCUMENT_EMPTY"],
  ["a page without text", bytesOf("<script>1</script>"), "a.html", "DOCUMENT_EMPTY"],
  ["only the beginning of a PDF", handbook.slice(0, 20), "a.pdf", "DOCUMENT_BROKEN"],
  ["a PDF of noise", bytesOf(`%PDF-1.7\n${"noise ".repeat(500)}`), "a.pdf", "DOCUMENT_BROKEN"],
  ["text of another encoding", Uint8Array.of(0x4d, 0xfc, 0x6c, 0x6c), "a.txt", "DOCUMENT_BROKEN"],
  ["NUL bytes", bytesOf("a\0b"), "a.md", "DOCUMENT_BROKEN"],
  ["a PDF without text", pdfOf("blank", [[]]), "a.pdf", "DOCUMENT_WITHOUT_TEXT"],
  ["a picture", sampleBytes("documents/scan.png"), "scan.png", "DOCUMENT_UNKNOWN"],
  ["a name without an end", bytesOf("text"), "LICENSE", "DOCUMENT_UNKNOWN"],
  ["a name of the prototype", bytesOf("text"), "a.constructor", "DOCUMENT_UNKNOWN"],
] as const)("%s is refused for good", async ([, bytes, name, code]) => {
  const refusal = await refusalOf(bytes, name);
  expect(refusal).toMatchObject({ name: "TaskError", code, retryable: false });
  expect(String(refusal)).toContain(`"${name}"`);
});

test("a PDF that needs a password is refused for good", async () => {
  // No password of ours fits the 32 bytes of /U, so the reader must ask for one.
  const hashes = `/O <${"ab".repeat(32)}> /U <${"cd".repeat(32)}>`;
  const encryption = `/Encrypt << /Filter /Standard /V 1 /R 2 /P -44 ${hashes} >>`;
  const locked = Buffer.from(handbook)
    .toString("latin1")
    .replace("trailer\n<<", `trailer\n<< ${encryption} /ID [<${"01".repeat(16)}> <${"01".repeat(16)}>]`);
  const refusal = await refusalOf(Buffer.from(locked, "latin1"), "locked.pdf");
  expect(refusal).toMatchObject({ code: "DOCUMENT_ENCRYPTED", retryable: false });
});
