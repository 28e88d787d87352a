import { describe, expect, it } from "vitest";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";
import {
  DropMatcher,
  fileDrop,
  isTriggeredBy,
  matchesPattern,
  nonDropReason,
  patternProblem,
  type Trigger,
} from "../../src/core/workflow/trigger.ts";

describe("a pattern", () => {
  const names = [
    ...[
      "Reports (final)",
      "[EU] sales",
      "{draft}",
      "{a,b}",
      "(x)",
      "()",
      "[]",
      "{}",
      "a|b",
      "(a|b)",
      "{1..3}",
    ],
    ...["Q1(1)", "Report (1)+(2)", "x@(a)", "+(x)", "@(x)", "!(x)", "a(b", "a)b", "a[b", "a]b", "a{b", "a}b"],
    ...[
      "[!x]",
      "[^a]",
      "[[x]]",
      "[a-",
      "(?:a)",
      "!urgent",
      "!!x",
      "#1",
      "~x~",
      "a&b",
      "$x",
      "a^b",
      "C++",
      "...",
    ],
    ...["a'b", 'a"b', "a;b", "a,b", "a=b", "100%", "@x", "-x", "a b", "a:b", "a<b>", "`x`", "Ü ñ 語"],
  ];

  it.each(names)("that is the name of a folder takes the files of that folder: %s", (name) => {
    expect(matchesPattern(`${name}/*.csv`, `${name}/a.csv`)).toBe(true);
    expect(matchesPattern(`in/${name}/**`, `in/${name}/2026/a.csv`)).toBe(true);
    expect(matchesPattern(`in/*${name}.csv`, `in/first ${name}.csv`)).toBe(true);
  });

  it.each([...names, "a\\b", "a*b", "a?b", "**"])("means only itself behind backslashes: %s", (name) => {
    const escaped = name.replace(/[^\w ]/g, "\\$&");
    expect(matchesPattern(`${escaped}/*.csv`, `${name}/a.csv`)).toBe(true);
    expect(matchesPattern(`${escaped}/*.csv`, "other/a.csv")).toBe(false);
  });

  it.each([
    [
      "sales/*.csv",
      ["sales/a.csv", "sales/.csv.csv"],
      ["sales/2026/a.csv", "sales/a.CSV", "sales/", "a.csv"],
    ],
    ["**/*.csv", ["a.csv", "x/y/a.csv"], ["x/.hidden/a.csv"]],
    ["{a,b}/*.csv", ["a/x.csv", "b/x.csv"], ["c/x.csv"]],
    ["@(a|b)/*.csv", ["a/x.csv", "b/x.csv"], ["c/x.csv"]],
    ["!(archive)/*.csv", ["sales/x.csv"], ["archive/x.csv"]],
    ["!archive/*.csv", ["!archive/x.csv"], ["sales/x.csv"]],
    ["20[0-9][0-9].csv", ["2026.csv"], ["20xx.csv"]],
    ["a?.csv", ["a1.csv"], ["a.csv", "a/.csv"]],
  ])("%s has its wildcards", (pattern, taken, left) => {
    const taking = [...taken, ...left].filter((name) => matchesPattern(pattern, name));
    expect(taking).toEqual(taken.filter((name) => name !== "sales/.csv.csv"));
  });

  it.each([
    "",
    "/sales/*.csv",
    "gs://b/sales/*.csv",
    "sales/",
    "./sales/*.csv",
    "../sales/*.csv",
    "*.part",
    ".hidden/*",
    "~x/*",
  ])("that can match nothing is refused: %j", (pattern) => {
    expect(patternProblem(pattern)).toEqual(expect.any(String));
  });

  it.each(["*", "**", "sales/*.csv", "a.b/c..d", "*.parts", "a/{b,c}.csv"])("is accepted: %s", (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
  });
});

it.each(["sales/", "sales/2026/", "/", "sales/2026_$folder$", "a/.b/c", "~$a.xlsx", "a.csv~", "a.PART"])(
  "is no file that was dropped: %s",
  (object) => {
    expect(nonDropReason(object)).toBeDefined();
    for (const pattern of ["**", "*", "sales/*", "sales/**", "**/*"])
      expect(isTriggeredBy(fileDrop(pattern), { bucket: "inbox", object })).toBe(false);
  },
);

describe("what workflows make of an inbox", () => {
  const matcherOf = (triggers: readonly Trigger[], to?: string) =>
    new DropMatcher("inbox", [
      {
        definition: {
          format: 1,
          workflowId: "sales",
          tasks: [
            applyTaskDefaults({
              id: "a",
              type: to === undefined ? "function" : "archiveFile",
              with: { to: to ?? "" },
            }),
          ],
        },
        triggers,
      },
    ]);

  it("says why nothing takes a file", () => {
    const matcher = matcherOf(
      [fileDrop("sales/*.csv"), fileDrop("other/*", { bucket: "elsewhere" })],
      "archive",
    );
    expect(matcher.explainMismatch("sales/a.csv")).toBeUndefined();
    expect(matcher.explainMismatch("sales/A.CSV")).toMatch(
      /"sales\/\*\.csv" of workflow sales .*patterns are case-sensitive/,
    );
    expect(matcher.explainMismatch("other/a.csv")).toBe("no pattern matches it");
    expect(matcher.explainMismatch("sales/")).toBe("it is a folder");
    expect(matcher.explainMismatch("archive/sales/a.csv")).toBeUndefined();
    expect(matcherOf([]).explainMismatch("a.csv")).toBe("no workflow has a file trigger");
  });

  it.each([
    [["sales/*.csv"], "archive/", true],
    [["sales/*.csv"], "archive/{{ input.object }}", true],
    [["sales/*.csv"], "{{ input.folder }}", false],
    [["**/*.csv"], "archive/", false],
    [["*/*/*.csv"], "archive/", false],
    [["*.csv"], "archive/", true],
    [["archive/again/*.csv"], "archive/", false],
    [["sales/**"], "archive/", true],
    [["{sales,archive}/*.csv"], "archive/", false],
    [["[EU] sales/*.csv"], "archive/", false],
  ])("%j with an archive in %s: the archive is passed over: %s", (patterns, to, expected) => {
    const matcher = matcherOf(
      patterns.map((pattern) => fileDrop(pattern)),
      to,
    );
    expect(matcher.isSkippedFolder("archive/")).toBe(expected);
    expect(matcher.isSkippedFolder("sales/")).toBe(false);
  });

  it("passes over the folders of an archive, but for one that a pattern names", () => {
    const matcher = matcherOf([fileDrop("sales/*.csv"), fileDrop("archive/again/*.csv")], "archive");
    expect(matcher.isSkippedFolder("archive/sales/")).toBe(true);
    expect(matcher.isSkippedFolder("archive/again/")).toBe(false);
  });
});
