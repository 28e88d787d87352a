import { expect, test } from "vitest";
import { toDot, toMermaid } from "../../src/cli/commands/workflows.ts";
import { applyTaskDefaults, type Definition } from "../../src/core/workflow/definition.ts";

const definition: Definition = {
  format: 1,
  workflowId: "sales-refresh",
  tasks: [
    applyTaskDefaults({ id: "load", type: "loadFile" }),
    applyTaskDefaults({ id: "end", type: 'say "hi" <b>#1</b> \\ |x|' }),
    applyTaskDefaults({ id: "tell", type: "http", after: ["load", "end"], rule: "any_failed" }),
    applyTaskDefaults({ id: "archive", type: "archiveFile", after: ["load"] }),
  ],
};

test("draws Mermaid, with names of its own and everything special escaped", () => {
  expect(toMermaid(definition)).toBe(`flowchart LR
  t0["load<br>loadFile"]
  t1["end<br>say #34;hi#34; #60;b#62;#35;1#60;#47;b#62; #92; #124;x#124;"]
  t2["tell<br>http"]
  t3["archive<br>archiveFile"]
  t0 -->|"any_failed"| t2
  t1 -->|"any_failed"| t2
  t0 --> t3
`);
});

test("draws DOT, with everything special escaped", () => {
  expect(toDot(definition)).toBe(String.raw`digraph "sales-refresh" {
  rankdir=LR;
  node [shape=box];
  "load" [label="load\nloadFile"];
  "end" [label="end\nsay \"hi\" <b>#1</b> \\ |x|"];
  "tell" [label="tell\nhttp"];
  "archive" [label="archive\narchiveFile"];
  "load" -> "tell" [label="any_failed"];
  "end" -> "tell" [label="any_failed"];
  "load" -> "archive";
}
`);
});

test("many parents and their many children are drawn through one point", () => {
  const layer = (name: string) => Array.from({ length: 20 }, (_, index) => `${name}${index}`);
  const wide: Definition = {
    format: 1,
    workflowId: "wide",
    tasks: [
      ...layer("a").map((id) => applyTaskDefaults({ id, type: "function" })),
      ...layer("b").map((id) => applyTaskDefaults({ id, type: "function", after: layer("a") })),
      applyTaskDefaults({ id: "last", type: "function", after: layer("b") }),
    ],
  };
  expect(toDot(wide).match(/->/g)).toHaveLength(60);
  expect(toDot(wide)).toContain('"a7" -> "$1";');
  expect(toDot(wide)).toContain('"$1" -> "b3";');
  expect(toMermaid(wide).match(/-->/g)).toHaveLength(60);
  expect(toMermaid(wide)).toContain("  t7 --> p0\n");
  expect(toMermaid(wide)).toContain("  p0 --> t23\n");
});
