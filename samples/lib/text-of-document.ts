import { TaskError } from "baton-dag";
import { mainText } from "./page.ts";

type DocumentKind = "pdf" | "text" | "markdown" | "html";

export interface DocumentText {
  readonly text: string;
  /** Pages of a PDF; everything else is one page. */
  readonly pages: number;
  readonly kind: DocumentKind;
}

/** PDF readers look for the mark in this many first bytes: some writers put other bytes before it. */
const pdfMarkWithin = 1_024;
const pdfMark = "%PDF-";

const kinds: ReadonlyMap<string, DocumentKind> = new Map([
  ["txt", "text"],
  ["text", "text"],
  ["log", "text"],
  ["csv", "text"],
  ["md", "markdown"],
  ["markdown", "markdown"],
  ["html", "html"],
  ["htm", "html"],
  ["xhtml", "html"],
]);

/**
 * The text of a PDF (known by its bytes) or of a UTF-8 text, Markdown or HTML file (known by the end of its name).
 * Throws a TaskError that is not worth a retry: `DOCUMENT_EMPTY`, `DOCUMENT_BROKEN`, `DOCUMENT_ENCRYPTED`,
 * `DOCUMENT_WITHOUT_TEXT` (a PDF of pictures only) or `DOCUMENT_UNKNOWN`.
 */
export async function textOfDocument(bytes: Uint8Array, name: string): Promise<DocumentText> {
  if (bytes.length === 0) throw refusal("DOCUMENT_EMPTY", `"${name}" is empty: 0 bytes`);
  if (isPdf(bytes)) return await readPdf(bytes, name);
  const kind = kinds.get(extensionOf(name));
  if (kind === undefined) {
    const message = `"${name}" is of no known kind: PDF, .txt, .md and .html can be read. Text in pictures needs OCR`;
    throw refusal("DOCUMENT_UNKNOWN", message);
  }
  const source = decode(bytes, name);
  const text = (kind === "html" ? (await mainText(source)).text : source).trim();
  if (text === "") throw refusal("DOCUMENT_EMPTY", `"${name}" holds no text`);
  return { text, pages: 1, kind };
}

function isPdf(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, pdfMarkWithin)).toString("latin1").includes(pdfMark);
}

function extensionOf(name: string): string {
  return /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below: a file with NUL bytes is no text either.
  }
  throw refusal("DOCUMENT_BROKEN", `"${name}" is not UTF-8 text. Save it as UTF-8`);
}

async function readPdf(bytes: Uint8Array, name: string): Promise<DocumentText> {
  // Only a process that reads a PDF loads the reader.
  const { extractText, getDocumentProxy } = await import("unpdf");
  try {
    // A copy, since the reader takes the memory away from its owner; and it refuses a Buffer.
    const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
    try {
      const { totalPages, text } = await extractText(document, { mergePages: false });
      const whole = text.map((page) => page.trim()).join("\n\n");
      if (whole.trim() !== "") return { text: whole.trim(), pages: totalPages, kind: "pdf" };
    } finally {
      await document.loadingTask.destroy();
    }
  } catch (error) {
    throw pdfRefusal(error, name);
  }
  const message = `"${name}" has pages but no text, as scanned paper has. Make a picture of it for OCR`;
  throw refusal("DOCUMENT_WITHOUT_TEXT", message);
}

function pdfRefusal(error: unknown, name: string): TaskError {
  if (error instanceof Error && error.name === "PasswordException") {
    const message = `"${name}" needs a password. Save it without one`;
    return refusal("DOCUMENT_ENCRYPTED", message, error);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return refusal("DOCUMENT_BROKEN", `"${name}" is not a whole PDF: ${reason}`, error);
}

function refusal(code: string, message: string, cause?: unknown): TaskError {
  return new TaskError(message, { code, retryable: false, cause });
}
