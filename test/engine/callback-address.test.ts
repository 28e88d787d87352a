import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { workflow } from "../../src/index.ts";
import { runToEnd, testApp } from "../support/app.ts";

/** A receiver that keeps the paths that it is asked for. */
async function paths() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const environment = {
  BATON_HTTP_ALLOW_PRIVATE: "true",
  BATON_TASK_SECRET_HOOK: "T0/B0/hook-9137",
  BATON_TASK_SECRET_OTHER: "other-9137",
};

const reporting = (url: string, archive = false) =>
  workflow("flow", { input: z.looseObject({ url: z.string().optional() }) }).task(
    "work",
    async ({ callback }) => {
      await callback.progress({ percent: 50 });
      return { done: true };
    },
    { callback: { url, ...(archive && { archive: { key: ["id"] } }) } },
  );

test.each([[{ id: 1 }], [{ id: 1, url: null }]])(
  "an optional address that a batch has not: its tasks have no callback (%j)",
  async (input) => {
    const flow = workflow("flow").task("work", ({ callback }) => callback.progress({ percent: 1 }), {
      callback: { url: "{{ input.url? }}", archive: { key: ["id"] } },
    });
    const app = testApp({ workflows: [flow], environment });
    const view = await runToEnd(app, "flow", input);
    expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", error: null });
    expect(await app.engine.admin.callbacks.ofBatch(view.batchId)).toEqual([]);
  },
);

test("one that a batch has is called; one that is not optional has to be there", async () => {
  const { origin, asked } = await paths();
  const app = testApp({ workflows: [reporting("{{ input.url? }}")], environment });
  await runToEnd(app, "flow", { url: `${origin}/mine` });
  await expect.poll(() => asked).toEqual(["/mine", "/mine"]);
  const strict = testApp({ workflows: [reporting("{{ input.url }}")], environment });
  expect((await runToEnd(strict, "flow", {})).tasks[0]).toMatchObject({
    status: "ERROR",
    error: { code: "TEMPLATE_INVALID" },
  });
  const wrong = testApp({ workflows: [reporting("{{ input.url? }}")], environment });
  expect((await runToEnd(wrong, "flow", { url: "not an address" })).tasks[0]).toMatchObject({
    status: "ERROR",
    error: { code: "CALLBACK_URL_INVALID" },
  });
});

test("a secret in an address is inserted when the callback is sent: only its name is stored", async () => {
  const { origin, asked } = await paths();
  const app = testApp({
    workflows: [reporting(`${origin}/hooks/{{ secrets.HOOK }}?x={{ input.x }}`)],
    environment,
  });
  const view = await runToEnd(app, "flow", { x: "1" });
  await expect.poll(() => asked).toEqual(["/hooks/T0/B0/hook-9137?x=1", "/hooks/T0/B0/hook-9137?x=1"]);
  const stored = await app.engine.admin.callbacks.ofBatch(view.batchId);
  expect(stored[0]?.target.url).toBe(`${origin}/hooks/{{ secrets.HOOK }}?x=1`);
  expect(JSON.stringify([view, stored])).not.toContain("9137");
});

test("a secret reference in an input is not resolved, alone or beside one of the workflow", async () => {
  const { origin, asked } = await paths();
  const alone = testApp({ workflows: [reporting("{{ input.url }}")], environment });
  await runToEnd(alone, "flow", { url: `${origin}/{{ secrets.OTHER }}` });
  const beside = testApp({
    workflows: [reporting(`${origin}/{{ secrets.HOOK }}?x={{ input.x }}`)],
    environment,
  });
  await runToEnd(beside, "flow", { x: "{{ secrets.OTHER }}" });
  await expect.poll(() => asked.length).toBe(4);
  expect(asked.join()).not.toContain("other-9137");
});

test("a call of done work sends its callback to an address of its own, with its secret", async () => {
  const { origin, asked } = await paths();
  const flow = workflow("flow").task("work", () => 1, {
    idempotency: { key: { fields: ["id"] } },
    callback: { url: `${origin}/{{ input.who }}/{{ secrets.HOOK }}` },
  });
  const app = testApp({ workflows: [flow], environment });
  await runToEnd(app, "flow", { id: 1, who: "a" });
  await runToEnd(app, "flow", { id: 1, who: "b" });
  await expect.poll(() => asked).toEqual(["/a/T0/B0/hook-9137", "/b/T0/B0/hook-9137"]);
});

test("a secret that is not configured leaves its callback to be sent, and says which", async () => {
  const { origin } = await paths();
  const app = testApp({ workflows: [reporting(`${origin}/{{ secrets.NONE }}`)], environment });
  const view = await runToEnd(app, "flow", {});
  expect(view.status).toBe("SUCCESS");
  const sends = async () => (await app.engine.admin.callbacks.ofBatch(view.batchId))[0]?.sends.at(-1)?.error;
  await expect.poll(sends).toContain("BATON_TASK_SECRET_NONE is not set");
});
