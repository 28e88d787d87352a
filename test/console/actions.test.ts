import { describe, expect, test } from "vitest";
import { type ActionName, actions, commandText } from "../../src/app/actions.ts";
import { workflow } from "../../src/workflow/builder.ts";
import { runToEnd, untilEnded } from "../support/app.ts";
import { type ConsolePlace, openConsole } from "./place.ts";

const once = { retry: { maxAttempts: 1 } };
let isBroken = true;

const flaky = workflow("flaky")
  .task("first", async () => 1)
  .task(
    "second",
    async () => {
      if (isBroken) throw new Error("broken");
      return 2;
    },
    { after: ["first"], ...once },
  );
const asks = workflow("asks").task("ask", async ({ step }) =>
  step.waitForEvent("approved", { timeout: "1d" }),
);
const keyed = workflow("keyed").task("work", async () => "done", { idempotency: { key: "arguments" } });

async function waiting(place: ConsolePlace): Promise<string> {
  const { batchId } = await place.app.engine.start({ kind: "start", workflowId: "asks" });
  await expect
    .poll(async () => (await place.app.engine.admin.show(batchId)).tasks[0]?.status)
    .toBe("WAITING");
  return batchId;
}

/** The batch that a form has led to. */
function ledTo(answer: { readonly headers: Headers }): string {
  return /^\/b\/([^?]+)/.exec(answer.headers.get("location") ?? "")?.[1] ?? "";
}

describe("forms do what the commands do", () => {
  test("run, once under a double click, with the fields of the schema or with JSON", async () => {
    const place = await openConsole([keyed]);
    const form = await place.form("/w/keyed", "/do/run");
    const [one, other] = await Promise.all([
      place.post("/do/run", { ...form, input: '{"n":1}' }),
      place.post("/do/run", { ...form, input: '{"n":1}' }),
    ]);
    expect(one).toMatchObject({ status: 303 });
    expect(ledTo(one)).toBe(ledTo(other));
    expect((await untilEnded(place.app, ledTo(one))).input).toEqual({ n: 1 });
    const edited = await place.post("/do/run", { ...form, input: '{"n":2}' });
    expect(ledTo(edited)).not.toBe(ledTo(one));
    const wrong = await place.post("/do/run", { ...form, input: "{n:1}" });
    expect(wrong).toMatchObject({ status: 422, text: expect.stringContaining("is not JSON") });
  });

  test("retry, once under a double click", async () => {
    isBroken = true;
    const place = await openConsole([flaky]);
    const { batchId, status } = await runToEnd(place.app, "flaky");
    expect(status).toBe("ERROR");
    isBroken = false;
    const form = await place.form(`/b/${batchId}`, "/do/retry");
    const answers = await Promise.all([place.post("/do/retry", form), place.post("/do/retry", form)]);
    const [retried] = answers.map(ledTo);
    expect(answers.map(ledTo)).toEqual([retried, retried]);
    const view = await untilEnded(place.app, retried ?? "");
    expect(view).toMatchObject({
      status: "SUCCESS",
      run: 2,
      tasks: [{ reason: "inherited" }, { status: "SUCCESS" }],
    });
    expect((await place.app.engine.admin.runs(batchId)).length).toBe(2);
    const page = await place.get(`/b/${retried}?done=retry`);
    expect(page.text).toContain("This is the retry");
  });

  test("cancel", async () => {
    const place = await openConsole([asks]);
    const batchId = await waiting(place);
    const answer = await place.post("/do/cancel", await place.form(`/b/${batchId}`, "/do/cancel"));
    expect(answer.headers.get("location")).toBe(`/b/${batchId}?done=cancel`);
    expect((await untilEnded(place.app, batchId)).status).toBe("CANCELLED");
  });

  test("an event, which the panel of the waiting task asks for", async () => {
    const place = await openConsole([asks]);
    const batchId = await waiting(place);
    const page = await place.get(`/b/${batchId}?t=ask`);
    expect(page.text).toContain("It waits for the event approved");
    expect(page.text).toContain(`baton event ${batchId} approved`);
    const form = await place.form(`/b/${batchId}?t=ask`, "/do/event");
    await place.post("/do/event", { ...form, payload: '{"by":"ada"}' });
    expect((await untilEnded(place.app, batchId)).tasks[0]?.result).toEqual({ by: "ada" });
  });

  test("clearing a result, after which the next call runs", async () => {
    const place = await openConsole([keyed]);
    const { tasks } = await runToEnd(place.app, "keyed");
    const key = tasks[0]?.key ?? "";
    const path = `/k/${encodeURIComponent(key)}`;
    expect((await place.get(path)).text).toContain("The next call does not run");
    const answer = await place.post("/do/clear-result", await place.form(path, "/do/clear-result"));
    expect(answer.status).toBe(303);
    expect((await place.get(path)).text).toContain("The next call runs from the beginning");
  });

  test("replay, which leads to the batch that the message starts", async () => {
    const place = await openConsole([keyed]);
    const dead = await fetch(place.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"workflowId":"later"}',
    });
    const { deadLetterId } = (await dead.json()) as { readonly deadLetterId: string };
    const page = await place.get(`/dead/${deadLetterId}`);
    expect(page.text).toContain("WORKFLOW_UNKNOWN");
    const answer = await place.post("/do/replay", await place.form(`/dead/${deadLetterId}`, "/do/replay"));
    expect(answer).toMatchObject({ status: 404, text: expect.stringContaining("There is no workflow") });
  });
});

test("a batch as one page that needs nothing else, without secrets, and without data if it is redacted", async () => {
  const place = await openConsole([keyed]);
  const secret = `whsec_${"c2VjcmV0".repeat(6)}`;
  const { batchId } = await runToEnd(place.app, "keyed", { note: "private", token: `Bearer ${secret}` });
  const { text, headers } = await place.get(`/b/${batchId}/share`);
  expect(headers.get("content-disposition")).toContain("attachment");
  expect(text).toContain("private");
  expect(text).not.toMatch(/<script|src=|whsec_|href="\//);
  expect(text.length).toBeLessThanOrEqual(60 * 1024);
  const redacted = await place.get(`/b/${batchId}/share?redact=yes`);
  expect(redacted.text).toContain(batchId);
  expect(redacted.text).not.toMatch(/private|&quot;done&quot;/);
});

test.each([
  [
    "run",
    actions.run.words({ workflowId: "greet", input: { name: "O'Hara" } }),
    `baton run greet --input '{"name":"O'\\''Hara"}'`,
  ],
  ["retry", actions.retry.words({ batchId: "b-1" }), "baton retry b-1"],
  ["cancel", actions.cancel.words({ batchId: "b-1" }), "baton cancel b-1"],
  [
    "complete",
    actions.complete.words({ batchId: "b-1", taskId: "t", completion: { error: "no" } }),
    "baton complete b-1 t --error no",
  ],
  [
    "event",
    actions.event.words({ batchId: "b-1", event: "ok", payload: null }),
    "baton event b-1 ok --payload null",
  ],
  ["replay", actions.replay.words({ deadLetterId: "d" }), "baton replay d"],
  ["resend", actions.resend.words({ eventId: "evt_1" }), "baton resend --event evt_1"],
  ["unlock", actions.unlock.words({ key: "a/b?c=1" }), "baton unlock 'a/b?c=1'"],
  ["clear-result", actions["clear-result"].words({ key: "k" }), "baton clear-result k"],
] satisfies [ActionName, readonly string[], string][])("the command of %s", (_, words, text) => {
  expect(commandText(words)).toBe(text);
});
