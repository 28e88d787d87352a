import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const guides = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
export const pages = [...guides, ...globSync("docs/**/*.md", { cwd: root })].sort();
export const textOf = (page: string) => readFileSync(join(root, page), "utf8");

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  /** The file that it is saved as, in a project. */
  readonly file: string | undefined;
  /** Its commands run in a project with the files of the page. */
  readonly runs: boolean;
  readonly text: string;
  readonly line: number;
}

export function blocksOf(page: string): readonly Block[] {
  const all = textOf(page);
  return [...all.matchAll(/^( *)```(\w+)([^\n]*)\n(.*?)^ *```$/gms)].map((found) => {
    const [, indent = "", language = "", info = "", code = ""] = found;
    const file = /file=(\S+)/.exec(info)?.[1];
    const text = code.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    const line = all.slice(0, found.index).split("\n").length;
    return { language, file, runs: /\brun\b/.test(info), text, line };
  });
}
