import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type TaskContext, workflow } from "baton-dag";
import * as z from "zod";

type Tools = Pick<TaskContext, "services" | "signal">;

function post({ services, signal }: Tools, url: string, headers: Readonly<Record<string, string>> = {}) {
  const limits = { timeoutSeconds: 30, maxResponseBytes: 1_000 };
  return services.http.request({ url, method: "POST", headers, body: "{}", signal, ...limits });
}

/** Charges a card without the idempotency key: a crash after the charge charges it again. */
export const chargesTwice = workflow("charges-twice", { input: z.object({ order: z.string() }) }).task(
  "charge",
  async (context) => {
    await post(context, `https://pay.example/orders/${context.input.order}`);
    return { charged: context.input.order };
  },
);

/** Its result has the time and a random id in it. */
export const returnsTheTime = workflow("returns-the-time").task("stamp", () => ({
  id: randomUUID(),
  at: new Date().toISOString(),
}));

/** The name of the step changes with the time. */
export const movesItsStep = workflow("moves-its-step").task("load", async ({ step }) => {
  const rows = await step(`load at ${Date.now()}`, () => 7);
  return { rows: await step("count", () => rows) };
});

/** Continues for a minute after its signal is aborted, and reports its progress. */
export const ignoresItsSignal = workflow("ignores-its-signal").task("copy", async (context) => {
  for (let minute = 0; minute < 6; minute += 1) {
    await sleep(20_000);
    await context.services.objects.stat({ bucket: "inbox", object: "source.csv" }).catch(() => undefined);
  }
  return "copied";
});

/** A Date is no JSON. */
export const returnsADate = workflow("returns-a-date").task("when", (): unknown => ({ at: new Date(0) }));

/** Sends a mail before a wait, outside of a step: after the wait the code runs again. */
export const worksOutsideSteps = workflow("works-outside-steps").task("remind", async (context) => {
  await post(context, "https://mail.example/reminders");
  await context.step.sleep("a day", "1d");
  return "reminded";
});

let numbers = 0;

/** Two parallel tasks take numbers from one variable. */
export const sharesAVariable = workflow("shares-a-variable")
  .task("one", () => {
    numbers += 1;
    return numbers;
  })
  .task("two", () => {
    numbers += 1;
    return numbers;
  });

/** The same work as above, written as it should be. */
export const correct = workflow("correct", { input: z.object({ order: z.string() }) })
  .task("charge", async (context) => {
    const { input, idempotencyKey } = context;
    await post(context, `https://pay.example/orders/${input.order}`, { "idempotency-key": idempotencyKey });
    return { charged: input.order };
  })
  .task(
    "remind",
    async (context) => {
      const { step, idempotencyKey } = context;
      const stamp = await step("stamp", () => ({ id: randomUUID(), at: new Date().toISOString() }));
      await step("first mail", () =>
        post(context, "https://mail.example/reminders", { "idempotency-key": `${idempotencyKey} first` }),
      );
      await step.sleep("a day", "1d");
      await step("second mail", () =>
        post(context, "https://mail.example/reminders", { "idempotency-key": `${idempotencyKey} second` }),
      );
      return stamp;
    },
    { after: ["charge"] },
  )
  .task(
    "copy",
    async ({ signal, services }) => {
      for (let minute = 0; minute < 6; minute += 1) {
        await sleep(20_000, undefined, { signal });
        await services.objects.stat({ bucket: "inbox", object: "source.csv" }).catch(() => undefined);
      }
      return "copied";
    },
    { after: ["charge"] },
  );

const list = { bucket: "reports", object: "list.txt" };

/** Two parallel tasks add to one object: what they see depends on which of them is first. */
const add = (name: string) => async (context: TaskContext) => {
  const { services, signal } = context;
  const before = await services.objects.read(list).catch(() => new Uint8Array());
  const text = new TextDecoder().decode(before);
  if (text.includes(name)) return text;
  signal.throwIfAborted();
  await services.objects.write(list, new TextEncoder().encode(`${text}${name}\n`), "text/plain");
  return `${text}${name}\n`;
};
export const dependsOnTheOrder = workflow("depends-on-the-order")
  .task("one", add("one"))
  .task("two", add("two"));
