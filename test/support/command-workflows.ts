/** Workflow files for tests of the command; they lie far from the project and import `baton` by name. */

const hello = `
import { workflow } from "baton";
import * as z from "zod";
import { plusOne } from "./lib/plus-one.ts";
export default workflow("hello", { input: z.object({ n: z.number() }) })
  .task("one", ({ input }) => ({ n: plusOne(input.n) }))
  .task("two", async (context) => {
    const { n } = await context.parent("one");
    if (n > 100) throw new Error("too large\\n\\u001b[2Jfor two");
    return n * 2;
  }, { after: ["one"], retry: false })
  .task("three", () => "done", { after: ["two"] })
  .task("beside", () => "beside", { after: ["one"] });
`;

const plusOne = "export const plusOne = (n: number): number => n + 1;\n";

export const helloFiles = { "hello.ts": hello, "lib/plus-one.ts": plusOne };

/** Runs until the file `gate` of the working folder is there; notes in `seen` that it began and was told to stop. */
export const gated = `
import { appendFileSync, existsSync } from "node:fs";
import { workflow } from "baton";
export default workflow("gated")
  .task("wait", async ({ attempt, signal }) => {
    appendFileSync("seen", "began " + attempt + "\\n");
    signal.addEventListener("abort", () => appendFileSync("seen", "aborted " + attempt + "\\n"));
    while (!existsSync("gate") && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
    return attempt;
  })
  .task("after", () => "after", { after: ["wait"] });
`;

export const cyclicYaml = `workflow: round
tasks:
  - id: a
    type: http
    with: { url: "https://example.com/" }
    after: [b]
  - id: b
    type: nonsense
    after: [a, nobody]
`;

export const askYaml = `workflow: ask
tasks:
  - id: first
    type: http
    with: { url: "https://example.com/" }
  - id: second
    type: http
    with: { url: "https://example.com/" }
    after: [first]
`;
