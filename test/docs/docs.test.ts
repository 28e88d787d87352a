import { existsSync, globSync, mkdirSync, symlinkSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { parseDocument } from "yaml";
import { runShell } from "../support/child-process.ts";
import { Workplace } from "../support/command.ts";
import { type Block, blocksOf, pages, root, textOf } from "./page-blocks.ts";

const fenced = /^ *```.*?^ *```$/gms;

/** The ids of headings, as GitHub makes them. */
function anchorsOf(page: string): readonly string[] {
  return [
    ...textOf(page)
      .replaceAll(fenced, "")
      .matchAll(/^#+ (.*)$/gm),
  ].map(([, title = ""]) =>
    title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test.each(pages)("every link leads somewhere: %s", (page) => {
  const prose = textOf(page)
    .replaceAll(fenced, "")
    .replaceAll(/`[^`]*`/g, "code");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  const broken = links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? page : join(dirname(page), file);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test("the index names every page, in the order of a user's day", () => {
  const index = textOf("docs/README.md");
  const names = globSync("*.md", { cwd: join(root, "docs") }).filter((name) => name !== "README.md");
  expect(names.filter((name) => !index.includes(`](${name})`))).toEqual([]);
  const sections = [...index.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  const day = ["Start", "Write", "Test", "Run", "See", "Deploy", "Operate", "Reference", "How it works"];
  expect(sections).toEqual(day);
});

test.each(["README.md", "docs/README.md", "docs/not-for.md", "docs/google-cloud.md"])(
  "the page says that nothing ran on real Google Cloud: %s",
  (page) => {
    expect(textOf(page).replaceAll("\n", " ")).toContain("Baton has never run on real Google Cloud");
  },
);

/** A project with the files of a page. */
function projectOf(page: string): Workplace {
  const place = new Workplace({});
  mkdirSync(place.path("node_modules/.bin"), { recursive: true });
  symlinkSync(root, place.path("node_modules/baton-dag"));
  symlinkSync(join(root, "node_modules/zod"), place.path("node_modules/zod"));
  symlinkSync(join(root, "bin/baton.js"), place.path("node_modules/.bin/baton"));
  place.write("package.json", '{ "type": "module", "dependencies": { "baton-dag": "*" } }');
  for (const { file, text } of blocksOf(page)) if (file) place.write(file, text);
  return place;
}

/** `test/readme.test.ts` follows the README. */
const withFiles = pages.filter((page) => page !== "README.md" && blocksOf(page).some(({ file }) => file));

test.each(withFiles)("the workflows of the page are valid, and its commands work: %s", async (page) => {
  const place = projectOf(page);
  const { code, stdout } = await place.baton(["validate"]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^valid: /)]);
  const environment = `set -e; export PATH=${join(root, "node_modules/.bin")}:$PATH`;
  for (const { runs, text } of blocksOf(page))
    if (runs) await runShell(`${environment}\n${text}`, place.folder);
});

/** The lines of blocks, and the commands that sentences name. */
function commandLines(page: string): readonly string[] {
  const blocks = blocksOf(page)
    .filter(({ language }) => language === "sh" || language === "text")
    .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  const spans = [
    ...textOf(page)
      .replaceAll(fenced, "")
      .matchAll(/`((?:npx )?baton [^`]*)`/g),
  ];
  return [...blocks, ...spans.map(([, span = ""]) => span.replaceAll("\n", " "))]
    .map((line) => line.replace(/ +#.*/, "").trim())
    .filter((line) => /^(npx )?baton [a-z]/.test(line));
}

test("every command and every option that the pages name exists", async () => {
  const place = new Workplace({});
  const helps = new Map<string, string>();
  const lines = pages.flatMap((page) => commandLines(page).map((line) => ({ page, line })));
  expect(lines.length).toBeGreaterThan(100);
  const unknown: string[] = [];
  for (const { page, line } of lines) {
    const [, command = "", rest = ""] = /^(?:npx )?baton ([a-z-]+)(.*)$/.exec(line) ?? [];
    const help = helps.get(command) ?? (await place.baton([command, "--help"])).stdout;
    helps.set(command, help);
    const words = rest.replaceAll(/'[^']*'|"[^"]*"/g, "");
    const options = [...words.matchAll(/(?<= )--[a-z-]+/g)].map(([option]) => option);
    const missing = options.filter((option) => option !== "--help" && !help.includes(option));
    if (!help.includes(`Usage: baton ${command}`)) unknown.push(`${page}: ${line}`);
    else if (missing.length > 0) unknown.push(`${page}: ${line}: ${missing.join(", ")}`);
  }
  expect(unknown).toEqual([]);
});

/** Undefined: it can be read. A line that begins with a dot continues a workflow. */
function grammarProblem({ language, text }: Block): string | undefined {
  if (language === "yaml") return parseDocument(text).errors[0]?.message;
  const whole = text.replaceAll("…", "").split(/^(?=\.)/m);
  const code = whole.map((part) => (part.startsWith(".") ? `flow\n${part};` : part)).join("\n");
  try {
    // A block may use `await` outside of a function, but not beside an import.
    stripTypeScriptTypes(/^import /m.test(code) ? code : `async () => {\n${code}\n}`);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

test("every snippet in TypeScript and YAML can be read", () => {
  const blocks = pages.flatMap((page) => blocksOf(page).map((block) => ({ page, block })));
  const snippets = blocks.filter(({ block }) => block.language === "ts" || block.language === "yaml");
  expect(snippets.length).toBeGreaterThan(20);
  const wrong = snippets.map(({ page, block }) => [`${page}:${block.line}`, grammarProblem(block)]);
  expect(wrong.filter(([, problem]) => problem !== undefined)).toEqual([]);
});
