import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, expect, test } from "vitest";
import { workflow } from "../../src/workflow/builder.ts";
import { runToEnd, untilEnded } from "../support/app.ts";
import { closeBrowser } from "../support/browser.ts";
import { type ConsolePlace, openConsole } from "./place.ts";
import { visit } from "./visit.ts";

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
  )
  .task("third", async () => Promise.reject(new Error("also broken")), { after: ["first"], ...once });
const asks = workflow("asks").task("ask", async ({ step }) =>
  step.waitForEvent("approved", { timeout: "1d" }),
);

afterAll(closeBrowser);

async function waiting(place: ConsolePlace): Promise<string> {
  const { batchId } = await place.app.engine.start({ kind: "start", workflowId: "asks" });
  place.app.work.start();
  await expect
    .poll(async () => (await place.app.engine.admin.show(batchId)).tasks[0]?.status)
    .toBe("WAITING");
  return batchId;
}

const pathOf = (page: Page) => {
  const { pathname, search } = new URL(page.url());
  return pathname + search;
};

test.each([
  ["with script", {}],
  ["with script off", { javaScriptEnabled: false }],
] satisfies [string, BrowserContextOptions][])(
  "retry, cancel and run are clicked (%s), each after its explanation",
  async (_, options) => {
    isBroken = true;
    const place = await openConsole([flaky, asks]);
    const { batchId } = await runToEnd(place.app, "flaky");
    isBroken = false;
    const { page, faults } = await visit(place, options);

    await page.goto(`${place.url}/b/${batchId}`);
    expect(await page.getByRole("button", { name: "Retry now" }).isVisible()).toBe(false);
    await page.getByText("Retry…").click();
    await page.getByRole("button", { name: "Retry now" }).click();
    await page.getByText("This is the retry").waitFor();
    const retried = pathOf(page).split(/[/?]/)[2] ?? "";
    expect(retried).not.toBe(batchId);
    expect((await untilEnded(place.app, retried)).tasks[1]).toMatchObject({
      taskId: "second",
      status: "SUCCESS",
    });

    const waits = await waiting(place);
    await page.goto(`${place.url}/b/${waits}`);
    await page.getByText("Cancel…").click();
    await page.getByRole("button", { name: "Cancel this batch" }).dblclick();
    await page.getByText("The cancel was accepted").waitFor();
    expect((await untilEnded(place.app, waits)).status).toBe("CANCELLED");

    await page.goto(`${place.url}/w/asks`);
    await page.locator("#run").getByRole("textbox").fill('{"n":1}');
    await page.locator("#run").getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("The batch was started").waitFor();
    const [, , started = ""] = pathOf(page).split(/[/?]/);
    expect((await place.app.engine.admin.show(started)).input).toEqual({ n: 1 });
    // Views are links, also without script.
    await page.getByRole("link", { name: "Timeline" }).click();
    await page.locator(".timeline, .nothing").waitFor();
    expect(faults).toEqual([]);
  },
);

test("a page that runs is loaded again when script is off", async () => {
  const gate = Promise.withResolvers<void>();
  const place = await openConsole([workflow("gated").task("one", async () => gate.promise)]);
  const { page } = await visit(place, { javaScriptEnabled: false });
  const { batchId } = await place.app.engine.start({ kind: "start", workflowId: "gated" });
  place.app.work.start();
  await page.goto(`${place.url}/b/${batchId}`);
  gate.resolve();
  await page.locator("#n-one.s-success").waitFor();
});

test("everything is reached with the keyboard alone", async () => {
  isBroken = true;
  const place = await openConsole([flaky, asks]);
  const { batchId } = await runToEnd(place.app, "flaky");
  await runToEnd(place.app, "flaky");
  const { page, faults } = await visit(place);
  const press = async (...keys: readonly string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const goes = async (path: RegExp | string, ...keys: readonly string[]) => {
    await press(...keys);
    await page.waitForURL((url) =>
      typeof path === "string" ? url.pathname + url.search === path : path.test(url.pathname + url.search),
    );
    await page.waitForLoadState();
  };
  await goes("/now", "g", "n");
  await goes("/dead", "g", "d");
  await goes("/", "g", "h");
  await goes("/b", "g", "b");

  // The second row, and back to the first: the newest.
  const rows = page.locator("tr.row");
  await press("j", "j");
  await expect.poll(() => rows.nth(1).getAttribute("class")).toContain("at");
  await goes(new RegExp(`^/b/${batchId}`), "Enter");
  const at = `/b/${batchId}`;
  await goes(`${at}?v=timeline`, "2");
  await goes(`${at}?v=table`, "3");
  await goes(`${at}?v=graph`, "1");
  await goes(/t=second/, "f");
  await goes(/t=third/, "f");
  await goes(`${at}?v=graph`, "Escape");

  await press("y");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(batchId);
  await press("?");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  await press("Escape");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor({ state: "hidden" });
  await goes("/w/flaky", "g", "w");
  await press("Space");
  await expect.poll(() => page.locator("#live").textContent()).toContain("paused");

  // A search, then a retry: only with the keys that every browser has.
  await press("/");
  await page.keyboard.type(batchId);
  await goes(new RegExp(batchId), "Enter");
  await page.goto(`${place.url}${at}`);
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
  const tabTo = async (text: string) => {
    for (let presses = 0; presses < 60 && (await focused()) !== text; presses += 1) await press("Tab");
    expect(await focused()).toBe(text);
  };
  await tabTo("Retry…");
  await press("Enter");
  await tabTo("Retry now");
  await press("Enter");
  await page.getByText("This is the retry").waitFor();
  expect(faults).toEqual([]);
});
