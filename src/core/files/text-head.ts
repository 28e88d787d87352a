import { limits } from "../limits.ts";

/** The beginning of a text: as much of it as is looked at to find out how it is written. */
export interface TextHead {
  readonly text: string;
  readonly isWhole: boolean;
}

export async function headOf(texts: AsyncIterable<string>): Promise<TextHead> {
  let text = "";
  for await (const piece of texts) {
    text += piece;
    if (text.length >= limits.fileHeadBytes) return { text, isWhole: false };
  }
  return { text, isWhole: true };
}
