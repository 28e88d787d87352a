import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const longestLine = 120;

/** Words that hide the actor, or that the field has a better term for. See docs/glossary.md. */
const banned = [
  ["the actor", /\b(?:whoever|whomever|somebody|nobody|anybody)\b/i],
  ["again", /\banew\b/i],
  ["fix", /\bmend(?:s|ed|ing)?\b/i],
  ["respect, use", /\bheed(?:s|ed|ing)?\b/i],
  ["times out, fails", /\bin vain\b/i],
  ["means", /\bstands? for\b/i],
  ["report, notify, log, print", /\b(?:told|untold|tells)\b/i],
  ["exists", /\b(?:is|are|was|were) (?:there already|not there)\b/i],
  ["started", /\bbegun\b/i],
  ["continue", /\b(?:goes|go|went|gone) on\b(?! sale)/i],
  ["the number", /\bso many\b/i],
  ["name the thing", /\bwhat (?:is|was|are) to\b/i],
  ["retry, require", /\binsist(?:s|ed)?\b/i],
  ["happen, be applied", /\b(?:come|comes|came) about\b/i],
  ["if", /\bshould (?:it|he|she|they|anybody|that) (?:be|come|die|fail)\b/i],
  ["treat as, counts as", /\btaken for\b/i],
  ["release", /\b(?:gives?|gave|given|giving) back\b/i],
  ["compute", /\bwork(?:s|ed)? out\b/i],
  ["who works on it", /\bis at it\b/i],
  ["continue", /\bcarried on\b/i],
  ["end", /\bcomes? to an end\b/i],
  ["time out, have no effect", /\b(?:comes?|came) to nothing\b|\bto no effect\b/i],
  ["release, return", /\b(?:gives?|gave|given|giving) (?:(?:its?|their|his|the|a) \w+|it|them) back\b/i],
  ["have no problem", /\ball is well\b/i],
  ["block, prevent", /\bhinders?\b/i],
] as const;

/** What a doc comment adds when it holds these words alone is nothing. */
const fillers = new Set(
  wordsOf(
    "a an the of for to in on by with and or as at from is are was were be its it this that which all every",
  ),
);

const pages = files("**/*.md");
const texts = [
  ...pages,
  ...files(
    "{infra,findings,scripts,bin,bench,functions,samples/{lib,sql,workflows}}/**/*.{tf,sh,js,ts,example}",
  ),
  "template/cloudbuild.yaml",
];
/** Without the workflows of an earlier version, which stay as they were. */
const sources = files("{src,test,samples/test}/**/*.ts").filter(
  (path) => path !== "test/language.test.ts" && !path.startsWith("test/fixtures/"),
);

function files(pattern: string): readonly string[] {
  const ignored = /(?:^|\/)(?:node_modules|dist[^/]*|\.[^/]+)\//;
  return globSync(pattern, { cwd: root, exclude: (path) => ignored.test(`${path}/`) }).filter(
    (path) => !ignored.test(path),
  );
}

function linesOf(path: string): readonly string[] {
  return readFileSync(root + path, "utf8").split("\n");
}

/** The banned words of a text, a line each: where they are, and what to write instead. */
function bannedWords(path: string, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line, index) =>
    banned.flatMap(([instead, pattern]) => {
      const [word] = pattern.exec(line) ?? [];
      return word === undefined ? [] : [`${path}:${index + 1} "${word}": ${instead}`];
    }),
  );
}

/** Prose can be wrapped. A row of a table can't, nor a command that is copied whole, nor what has no space in it. */
function longLines(path: string, lines: readonly string[]): readonly string[] {
  let isInBlock = false;
  return lines.flatMap((line, index) => {
    if (/^\s*```/.test(line)) isInBlock = !isInBlock;
    const isWhole = /^\||^\s*\S+$/.test(line) || (isInBlock && path.endsWith(".md"));
    return [...line].length > longestLine && !isWhole ? [`${path}:${index + 1}`] : [];
  });
}

/** Lower-case words without their plural: `batchIds` and "batch ids" are the same. */
function wordsOf(text: string): readonly string[] {
  const split = text.replaceAll(/([a-z\d])([A-Z])/g, "$1 $2").toLowerCase();
  return (split.match(/[a-z]+/g) ?? []).map((word) => word.replace(/(?<=..)s$/, ""));
}

/** Comments of one line whose words are all in the declaration below them. An example in code adds what it shows. */
function restatements(path: string, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line, index) => {
    const [, comment] = /^\s*\/\*\* (.*) \*\/$/.exec(line) ?? [];
    if (comment === undefined || comment.startsWith("`")) return [];
    const declared = new Set(wordsOf(lines[index + 1] ?? ""));
    const said = wordsOf(comment).filter((word) => !fillers.has(word));
    return said.every((word) => declared.has(word)) ? [`${path}:${index + 1} ${comment}`] : [];
  });
}

function inAll(
  paths: readonly string[],
  find: (path: string, lines: readonly string[]) => readonly string[],
): readonly string[] {
  return paths.flatMap((path) => find(path, linesOf(path)));
}

test("pages, infrastructure and scripts use none of the banned words", () => {
  expect(pages.length).toBeGreaterThan(20);
  expect(inAll(texts, bannedWords)).toEqual([]);
});

test("no line of a page is longer than 120 characters", () => {
  expect(inAll(pages, longLines)).toEqual([]);
});

test.each([
  ["banned words", bannedWords],
  ["lines of more than 120 characters", longLines],
  ["comments that only restate a signature", restatements],
] as const)("the sources have no %s", (_, find) => {
  expect(sources.filter((path) => path.startsWith("src/")).length).toBeGreaterThan(200);
  expect(sources.length).toBeGreaterThan(500);
  expect(inAll(sources, find)).toEqual([]);
});

test("what each rule rejects, and what it accepts", () => {
  const lines = [
    "It goes on.",
    "It goes on sale.",
    "A mended thing is there already.",
    "The amendment is there.",
  ];
  expect(bannedWords("a.md", lines).map((found) => found.split(" ")[0])).toEqual([
    "a.md:1",
    "a.md:3",
    "a.md:3",
  ]);
  const long = "word ".repeat(30);
  expect(longLines("a.md", [long, `| ${long} |`, "x".repeat(130), "```", long, "```", long])).toEqual([
    "a.md:1",
    "a.md:7",
  ]);
  expect(restatements("a.ts", ["/** The id of the batch. */", "readonly batchId: string;"])).toHaveLength(1);
  expect(
    restatements("a.ts", ["/** Every callback of a key. */", "callbacksOfKey(key: Key): Promise;"]),
  ).toHaveLength(1);
  expect(restatements("a.ts", ["/** `[1, 2]` */", "parseArray(): Value;"])).toEqual([]);
  expect(restatements("a.ts", ["/** Also the id of its lineage. */", "readonly batchId: string;"])).toEqual(
    [],
  );
});
