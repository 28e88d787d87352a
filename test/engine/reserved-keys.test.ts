import { expect, test } from "vitest";
import { http, workflow } from "../../src/index.ts";
import { runToEnd, testApp } from "../support/app.ts";
import { callbackReceiver } from "../support/receiver.ts";

/** Parsed and not written: a literal with such a key would set the prototype. */
const text =
  '{"2":"b","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"toString":3,"hasOwnProperty":[4]}';

test("keys and names that are special in JavaScript are kept, and change nothing else", async () => {
  const { url, received } = await callbackReceiver();
  const flow = workflow("flow")
    .task("constructor", async ({ input, step, count }) => {
      count("__proto__", 2);
      count("toString");
      return { input, stored: await step("__proto__", () => input) };
    })
    .task("toString", ({ parent }) => parent("constructor"), { after: ["constructor"] })
    .task(
      "send",
      http({ url, body: { all: "{{ parents.toString }}", one: "{{ input.__proto__.polluted }}" } }),
      {
        after: ["toString"],
      },
    );
  const app = testApp({ workflows: [flow], environment: { BATON_HTTP_ALLOW_PRIVATE: "true" } });
  const view = await runToEnd(app, "flow", JSON.parse(text));
  expect(view.status).toBe("SUCCESS");
  expect(JSON.stringify(view.input)).toBe(text);
  const whole = `{"input":${text},"stored":${text}}`;
  for (const { result } of view.tasks.slice(0, 2)) expect(JSON.stringify(result)).toBe(whole);
  expect(received.map(({ body }) => body)).toEqual([`{"all":${whole},"one":1}`]);
  expect(JSON.stringify(view.tasks[0]?.report.counters)).toBe('{"__proto__":2,"toString":1}');
  expect({}).not.toHaveProperty("polluted");
});
