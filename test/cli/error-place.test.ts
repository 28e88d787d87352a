import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";

const orders = `import { workflow, TaskError } from "baton-dag";
import { total } from "./lib/total.ts";
export default workflow("orders")
  .task("deep", () => total(undefined), { retry: { maxAttempts: 1 } })
  .task("cause", () => {
    const odd = { get stack() { throw new Error("no stack"); } };
    try {
      total(undefined);
    } catch (cause) {
      throw Object.assign(new TaskError("no total", { cause, retryable: false }), { stack: "TaskError: no total" });
    }
    return odd;
  })
  .task("text", () => { throw "a text"; }, { retry: { maxAttempts: 1 } })
  .task("baton", ({ step }) => step("", () => 1));
`;
const total = `export function total(order: { lines: readonly number[] } | undefined): number {
  // The order may be missing.
  return order!.lines.length;
}
`;

test("an error says where the user's code threw, and run and show print it", async () => {
  const place = new Workplace({ "orders.ts": orders, "lib/total.ts": total });
  const run = await place.baton(["run", "orders"]);
  expect(run.code).toBe(1);
  const cannotRead = "TASK_FAILED: Cannot read properties of undefined";
  expect(run.stdout).toMatch(
    new RegExp(`deep  ERROR .*${cannotRead}.* at workflows/lib/total\\.ts:3:\\d+$`, "m"),
  );
  const [, batchId = ""] = /^batch (\S+)/m.exec(run.stdout) ?? [];
  const shown = await place.baton(["show", batchId]);
  expect(shown.stdout).toMatch(/^deep\n {2}at {10}workflows\/lib\/total\.ts:3:\d+\n {2}what to do/m);
  const { json } = await place.baton(["show", batchId, "--json"]);
  const places = Object.fromEntries(json.tasks.map(({ taskId, ...task }) => [taskId, placeOf(task)]));
  const inTotal = expect.stringMatching(/^workflows\/lib\/total\.ts:3:\d+$/);
  expect(places).toEqual({
    deep: inTotal,
    // An error without a frame of its own has that of its cause.
    cause: inTotal,
    text: undefined,
    // The code that called Baton wrongly.
    baton: expect.stringMatching(/^workflows\/orders\.ts:\d+:\d+$/),
  });
});

function placeOf(task: object): unknown {
  const error: unknown = Reflect.get(task, "error");
  return typeof error === "object" && error !== null ? Reflect.get(error, "place") : undefined;
}
