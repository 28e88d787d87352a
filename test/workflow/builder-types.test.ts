import { expectTypeOf, test } from "vitest";
import * as z from "zod";
import { FileDropped } from "../../src/core/messages.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import { fileDrop } from "../../src/core/workflow/trigger.ts";
import type { TaskSpec } from "../../src/runtime/task-type.ts";
import { http } from "../../src/tasks/http.ts";
import { loadFile } from "../../src/tasks/load-file.ts";
import { type Workflow, workflow } from "../../src/workflow/builder.ts";

// The compiler is the test: `tsc --noEmit` checks every expectation, and that each @ts-expect-error is needed.
// The mistakes are in functions that are never called, because most of them also throw.

const load: TaskSpec<{ readonly rows: number }> = { type: "loadFile", with: { table: "sales" } };

test("the input is typed by the schema, and any JSON without one", () => {
  const schema = z.object({ day: z.string(), limit: z.number().default(10) });
  workflow("typed", { input: schema }).task("a", (context) => {
    expectTypeOf(context.input).toEqualTypeOf<{ day: string; limit: number }>();
  });
  workflow("dropped", { input: FileDropped }).task("a", (context) => {
    expectTypeOf(context.input).toEqualTypeOf<FileDropped>();
  });
  workflow("untyped").task("a", (context) => {
    expectTypeOf(context.input).toEqualTypeOf<JsonValue>();
  });
});

test("a task sees the results of the tasks it names", () => {
  workflow("results")
    .task("load", load)
    .task("plain", () => 7)
    .task("later", async () => ({ name: "x" }))
    .task("outside", (context) => context.waitForCompletion("2h"))
    .task("maybe", async (context) =>
      context.attempt > 1 ? { done: true } : context.waitForCompletion("2h"),
    )
    .task("maybe-now", (context) => (context.attempt > 1 ? "done" : context.waitForCompletion("2h")))
    .task(
      "end",
      (context) => {
        expectTypeOf(context.parent("load")).toEqualTypeOf<Promise<{ readonly rows: number }>>();
        expectTypeOf(context.parent("plain")).toEqualTypeOf<Promise<number>>();
        expectTypeOf(context.parent("later")).toEqualTypeOf<Promise<{ name: string }>>();
        expectTypeOf(context.parent("outside")).toEqualTypeOf<Promise<JsonValue>>();
        expectTypeOf(context.parent("maybe")).toEqualTypeOf<Promise<{ done: boolean }>>();
        expectTypeOf(context.parent("maybe-now")).toEqualTypeOf<Promise<"done">>();
      },
      { after: ["load", "plain", "later", "outside", "maybe", "maybe-now"] },
    );
});

test("a chain keeps the results of every task", () => {
  const built = workflow("chain")
    .task("a", () => 1)
    .task("b", async (context) => `${await context.parent("a")}`, { after: ["a"] })
    .task("c", async (context) => [await context.parent("b")], { after: ["b"] });
  built.task(
    "d",
    (context) => {
      expectTypeOf(context.parent<"c">).returns.toEqualTypeOf<Promise<string[]>>();
    },
    { after: ["c"] },
  );
});

function mistakes() {
  const sales = workflow("mistakes")
    .task("a", () => 1)
    .task("b", () => 2);
  // @ts-expect-error a task that is not declared
  sales.task("c", () => 3, { after: ["z"] });
  // @ts-expect-error itself
  sales.task("c", () => 3, { after: ["c"] });
  // @ts-expect-error an id that is taken
  sales.task("a", () => 3);
  // @ts-expect-error a parent that `after` does not name
  sales.task("c", (context) => context.parent("b"), { after: ["a"] });
  // @ts-expect-error a parent without any `after`
  sales.task("c", (context) => context.parentStatus("a"));
  // @ts-expect-error a rule that does not exist
  sales.task("c", () => 3, { after: ["a"], rule: "most_succeeded" });
  // @ts-expect-error a policy that does not exist
  sales.task("c", () => 3, { retries: 3 });
  // @ts-expect-error `retry: true` says nothing
  sales.task("c", () => 3, { retry: true });
  // @ts-expect-error a result that is not JSON
  sales.task("c", () => ({ at: new Date(0) }));
  // @ts-expect-error a result that is a promise inside
  sales.task("c", (context) => ({ b: context.parent("b") }), { after: ["b"] });
  // @ts-expect-error a duration in words
  sales.task("c", () => 3, { timeout: "5 minutes" });
  // @ts-expect-error a parent of the first task
  workflow("first").task("a", () => 1, { after: ["b"] });
  const daily = workflow("daily", { input: z.object({ day: z.string() }) });
  const constantFields = ["dya"] as const;
  const runTimeFields: readonly string[] = ["day"];
  const mixedFields = [...runTimeFields, "dya"] as const;
  const eitherField = Math.random() < 0.5 ? "day" : "dya";
  // @ts-expect-error a key field that the input has not
  daily.task("c", () => 3, { idempotency: { key: { fields: ["dya"] } } });
  // @ts-expect-error a key field that the parameters have not
  daily.task("c", http({ url: "u" }), { idempotency: { key: { fields: ["day"] } } });
  // @ts-expect-error a key field of a constant list that the input has not
  daily.task("c", () => 3, { idempotency: { key: { fields: constantFields } } });
  // @ts-expect-error a key field that is one of two literals, of which the input has one
  daily.task("c", () => 3, { idempotency: { key: { fields: [eitherField] } } });
  // @ts-expect-error a literal beside names that are known only at run time
  daily.task("c", () => 3, { idempotency: { key: { fields: ["dya", ...runTimeFields] } } });
  // @ts-expect-error a literal after such a name
  daily.task("c", () => 3, { idempotency: { key: { fields: [...runTimeFields, "dya"] } } });
  // @ts-expect-error a literal of a constant list that has such names
  daily.task("c", () => 3, { idempotency: { key: { fields: mixedFields } } });
  // @ts-expect-error a file of a workflow that no file starts
  daily.task("c", loadFile({ table: "sales" }));
  // @ts-expect-error a file that starts a workflow of another input
  workflow("mixed", { input: z.object({ id: z.number() }), on: [fileDrop("*.csv")] });
  // @ts-expect-error neither a function nor a built-in
  sales.task("c", "loadFile");
}

test("key fields may be a list that is known only at run time", () => {
  const fields = ["day"];
  const frozen: readonly string[] = fields;
  const isShort = Math.random() < 0.5;
  const policies = { idempotency: { key: { fields }, ttl: "1h" }, timeout: "1m" } as const;
  workflow("daily", { input: z.object({ day: z.string(), id: z.string() }) })
    .task("variable", () => 3, { idempotency: { key: { fields } } })
    .task("readonly", async () => "x", { idempotency: { key: { fields: frozen } } })
    .task("spread", () => 3, { idempotency: { key: { fields: [...fields] } } })
    .task("mixed", () => 3, { idempotency: { key: { fields: ["id?", ...fields] } } })
    .task("either", () => 3, { idempotency: { key: { fields: isShort ? ["day"] : fields } } })
    .task("constant", () => 3, { idempotency: { key: { fields: isShort ? (["day"] as const) : frozen } } })
    .task("length", () => 3, { idempotency: { key: { fields: isShort ? ["day"] : ["day", "id"] } } })
    .task("key", () => 3, { idempotency: { key: isShort ? { fields: ["day"] } : { fields } } })
    .task("policies", () => 3, policies)
    .task("optional", () => 3, { idempotency: { key: { fields: ["day?"] } } })
    .task("request", http({ url: "u" }), { idempotency: { key: { fields: fields.map(() => "url") } } });
});

test("mistakes do not compile", () => {
  expectTypeOf(mistakes).toBeFunction();
});

test("workflows may be made in a loop", () => {
  let fanOut: Workflow<JsonValue, Readonly<Record<string, unknown>>> = workflow("fan-out");
  for (const region of ["eu", "us"]) fanOut = fanOut.task(region, () => region);
  fanOut = fanOut.task("all", () => null, { after: ["eu", "us"] });
  expectTypeOf(fanOut.definition.tasks.length).toBeNumber();
});
