/** Workflow files for tests of the command; they lie far from the project and import `baton` by name. */

const hello = `
import { workflow } from "baton-dag";
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

/** Runs until the file `gate` of the working folder is there; notes in `seen` that it began and was aborted. */
export const gated = `
import { appendFileSync, existsSync } from "node:fs";
import { workflow } from "baton-dag";
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
    after: [a, missing]
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

/** One task with a key, a step, notes and an archived callback; `runs` gets a line each time that it runs. */
export const enrich = `
import { appendFileSync, existsSync } from "node:fs";
import { workflow } from "baton-dag";
export default workflow("enrich")
  .task("work", async ({ input, step, count, warn, error }) => {
    appendFileSync("runs", input.job_id + "\\n");
    const found = await step("look up", () => ({ found: input.job_id }));
    if (existsSync("broken")) throw new Error("it is broken");
    count("items", 2);
    warn("one was odd");
    error("one was lost");
    return { result: { ...found, all: [1, 2] }, summary: { items: 2 } };
  }, {
    idempotency: { key: { fields: ["job_id", "account_id?"] } },
    callback: { url: "{{ input.url }}", archive: { key: ["job_id", "account_id?"] } },
    retry: false,
    queue: "slow",
  });
`;

/** Has its key until the file \`gate\` is there. */
export const locked = `
import { existsSync } from "node:fs";
import { workflow } from "baton-dag";
export default workflow("locked").task("hold", async ({ signal }) => {
  while (!existsSync("gate") && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  return "held";
}, { idempotency: { key: { fields: ["id"] }, lock: "1h", onLocked: "skip" } });
`;

/** Waits for a person, after the file \`asked\` is there. */
export const approval = `
import { existsSync } from "node:fs";
import { workflow } from "baton-dag";
export default workflow("approval").task("ask", async (task) => {
  while (!existsSync("asked") && !task.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  return task.waitForCompletion("1h");
});
`;

export const listening = `
import { existsSync } from "node:fs";
import { workflow } from "baton-dag";
export default workflow("listening").task("listen", async ({ step, signal }) => {
  while (!existsSync("listening") && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  return step.waitForEvent("paid", { timeout: "1h" });
});
`;
