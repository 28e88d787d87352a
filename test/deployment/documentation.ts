import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface CommandLine {
  readonly text: string;
  /** Stands in a block, to be typed as it is; in a sentence, parameters may be left away. */
  readonly isWhole: boolean;
}

export function pageOf(path: string): string {
  return readFileSync(root + path, "utf8");
}

/** A page without its line breaks, to look for sentences in it. */
export function proseOf(path: string): string {
  return pageOf(path).replaceAll(/\s+/g, " ");
}

/** The command lines of a page that begin with `baton`, in blocks and in sentences. */
export function commandLines(page: string): CommandLine[] {
  const blocks = [...page.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, text = ""]) => text);
  const whole = blocks
    .flatMap((block) => block.replaceAll(/\\\n/g, " ").split(/\n|\||\$\(|\)"/))
    .map((line) => line.replace(/ # .*/, "").trim());
  const spans = [...page.replaceAll(/^ *```.*?^ *```$/gms, "").matchAll(/`([^`\n]+)`/g)];
  return [
    ...whole.map((text) => ({ text, isWhole: true })),
    ...spans.map(([, text = ""]) => ({ text, isWhole: false })),
  ]
    .filter(({ text }) => /^(npx )?baton [a-z]/.test(text))
    .map(({ text, isWhole }) => ({ text: text.replace("npx ", ""), isWhole }));
}

/** The words of a command line, without the program. A placeholder is one word. */
export function wordsOf({ text }: CommandLine): string[] {
  const words = text.match(/'[^']*'|"[^"]*"|<[^>]*>|[^\s'"<]+(?:'[^']*'|"[^"]*"|<[^>]*>)?\S*/g) ?? [];
  return words.slice(1).map((word) => word.replace(/^(['"])(.*)\1$/, "$2"));
}

/** What a link to a heading ends with. */
export function anchorsOf(page: string): string[] {
  const headings = [...page.replaceAll(/^ *```.*?^ *```$/gms, "").matchAll(/^#+ (.+)$/gm)];
  return headings.map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
