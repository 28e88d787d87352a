import { readFileSync } from "node:fs";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly server: boolean;
  /** The first commands in a new project. */
  readonly project: boolean;
  readonly text: string;
}

/** Every fenced block of the README, in order. */
export const blocks: Block[] = [...readme.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map(
  ([, language = "", info = "", text = ""]) => ({
    language,
    file: /file=(\S+)/.exec(info)?.[1],
    server: info.includes("server"),
    project: info.includes("project"),
    text,
  }),
);
