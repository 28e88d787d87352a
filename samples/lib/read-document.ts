import { textOfImage } from "./ocr.ts";
import { textOfDocument } from "./text-of-document.ts";

export interface ReadDocument {
  readonly text: string;
  readonly readBy: "ocr" | "extraction";
  /** How sure the OCR is, 0 to 100; 100 for what is text already. */
  readonly confidence: number;
}

/** Whether a file of this name is read by OCR, which costs a thousand times what extraction does. */
export function isPicture(name: string): boolean {
  return /\.(png|jpe?g|gif|bmp|webp|tiff?)$/i.test(name);
}

/** The text of a picture, a PDF or a text file. Throws what `textOfImage` and `textOfDocument` throw. */
export async function readDocument(
  bytes: Uint8Array,
  name: string,
  signal: AbortSignal,
): Promise<ReadDocument> {
  if (isPicture(name)) return { ...(await textOfImage(bytes, signal)), readBy: "ocr" };
  const { text } = await textOfDocument(bytes, name);
  return { text, readBy: "extraction", confidence: 100 };
}
