import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { workflow } from "../../src/workflow/builder.ts";
import { runToEnd } from "../support/app.ts";
import { closeBrowser } from "../support/browser.ts";
import { hostileTexts } from "./hostile-texts.ts";
import { type ConsolePlace, openConsole } from "./place.ts";
import { visit } from "./visit.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const once = { retry: { maxAttempts: 1 } };

afterAll(closeBrowser);

const echo = workflow("echo", {
  on: [{ type: "schedule", cron: "15 5 * * *", timeZone: "Europe/Berlin", missed: "skip" }],
})
  .task("result", async ({ input }) => input, { idempotency: { key: "arguments" } })
  .task(
    "fail",
    async ({ input }) => {
      throw new Error(String(input));
    },
    { after: ["result"], ...once },
  )
  .task("other", async () => Promise.reject(new Error("broken, too")), { after: ["result"], ...once })
  .task("after", async () => 1, { after: ["fail"] });
const asks = workflow("asks")
  .task("first", async () => ({ rows: 3 }))
  .task("ask", async ({ step }) => step.waitForEvent("approved", { timeout: "1d" }), { after: ["first"] })
  .task("last", async () => 2, { after: ["ask"] });

async function waiting(place: ConsolePlace): Promise<string> {
  const { batchId } = await place.app.engine.start({ kind: "start", workflowId: "asks" });
  place.app.work.start();
  await expect
    .poll(async () => (await place.app.engine.admin.show(batchId)).tasks[1]?.status)
    .toBe("WAITING");
  return batchId;
}

describe("every page", () => {
  /** What `axe` finds, and what a reader without colours or with a narrow window would miss. */
  async function findings(page: Page, path: string): Promise<string[]> {
    const rules: RunOptions = {
      resultTypes: ["violations"],
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    };
    const { violations } = (await page.evaluate(`axe.run(document, ${JSON.stringify(rules)})`)) as AxeResults;
    const serious = violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `${path}: ${id} ${nodes
            .slice(0, 3)
            .map(({ html }) => html.slice(0, 200))
            .join(" ")}`,
      );
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    const beyond = await page.evaluate(textsBeyondBoxes);
    const coloured = await page.evaluate(statusesWithoutShape);
    return [
      ...serious,
      ...(overflow > 0 ? [`${path}: ${overflow} pixels wider than the window`] : []),
      ...beyond.map((text) => `${path}: beyond its box: ${text}`),
      ...coloured.map((text) => `${path}: a status by colour alone: ${text}`),
    ];
  }

  test.each([
    ["light and wide", { colorScheme: "light", viewport: { width: 1280, height: 900 } }],
    ["dark and narrow", { colorScheme: "dark", viewport: { width: 390, height: 844 } }],
  ] satisfies [string, BrowserContextOptions][])(
    "is readable (%s), asks no other host, and runs nothing of hostile texts",
    async (_, options) => {
      const place = await openConsole([wide, echo, asks]);
      const { batchId, tasks } = await runToEnd(place.app, "echo", hostileTexts.join("|").toWellFormed());
      const folded = await runToEnd(place.app, "wide");
      const waits = await waiting(place);
      const dead = await fetch(place.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ workflowId: "gone", input: hostileTexts.join("|").toWellFormed() }),
      });
      const { deadLetterId } = (await dead.json()) as { readonly deadLetterId: string };
      const { page, faults } = await visit(place, options);
      const found: string[] = [];
      for (const path of [
        "/",
        "/w/echo",
        `/w/echo?from=${batchId}`,
        "/b",
        `/b/${batchId}?t=fail`,
        `/b/${batchId}?v=timeline`,
        `/b/${batchId}?v=table&t=result`,
        `/b/${batchId}?v=report`,
        `/b/${waits}?t=ask`,
        `/b/${folded.batchId}`,
        `/k/${encodeURIComponent(tasks[0]?.key ?? "")}`,
        "/now",
        "/waiting",
        "/dead",
        `/dead/${deadLetterId}`,
        "/callbacks",
        "/schedules",
        "/nowhere",
      ]) {
        const response = await page.goto(place.url + path);
        expect(response?.status(), path).toBe(path === "/nowhere" ? 404 : 200);
        await page.evaluate(axeSource);
        found.push(...(await findings(page, path)));
      }
      expect(found).toEqual([]);
      expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
    },
  );
});

/** Runs in the page. Text of the graph that is wider than the box of its node. */
function textsBeyondBoxes(): string[] {
  return [...document.querySelectorAll(".graph .node")].flatMap((node) => {
    const edge = node.querySelector(".box")?.getBoundingClientRect().right ?? 0;
    return [...node.querySelectorAll("text")].flatMap((text) =>
      text.getBoundingClientRect().right > edge ? [text.textContent ?? ""] : [],
    );
  });
}

/** Runs in the page. What has the colour of a status, without a shape of it or its word in or beside it. */
function statusesWithoutShape(): string[] {
  const words = /succeeded|failed|running|waiting|skipped|cancelled|not started/;
  return [...document.querySelectorAll("main [class*='s-']")].flatMap((element) => {
    if (
      !/(^| )s-(success|error|processing|waiting|skipped|cancelled|new)( |$)/.test(
        element.getAttribute("class") ?? "",
      )
    )
      return [];
    // A number with a colour has words of its own.
    if (element.matches(".tile") || element.getBoundingClientRect().width === 0) return [];
    const around = element.closest("svg.icon, a, li, tr, .progress") ?? element;
    const isSeen =
      around.querySelector("use") !== null || words.test((around as HTMLElement).innerText ?? "");
    return isSeen ? [] : [around.outerHTML.slice(0, 200)];
  });
}

const parts = Array.from({ length: 40 }, (_, index) => `a-part-with-quite-a-long-name-${index}`);
const wide = parts
  .reduce(
    (flow, part, index) =>
      flow.task(
        part,
        async () => {
          if (index % 9 === 0) throw new Error("broken");
        },
        { after: ["first"], ...once },
      ) as never,
    workflow("wide").task("first", async () => 1),
  )
  .task("last", async () => 1, { after: parts as never });

test("a batch is followed to its end without a reload, and asks for nothing afterwards", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const gated = workflow("gated")
    .task("one", async () => gates[0]?.promise)
    .task("two", async () => gates[1]?.promise, { after: ["one"] });
  const place = await openConsole([gated]);
  const { page, faults } = await visit(place);
  const { batchId } = await place.app.engine.start({ kind: "start", workflowId: "gated" });
  place.app.work.start();
  await page.clock.install();
  let asked = 0;
  page.on("request", () => {
    asked += 1;
  });
  await page.goto(`${place.url}/b/${batchId}`);
  await page.evaluate(() => document.body.setAttribute("data-same", "yes"));
  const node = (task: string, status: string) => page.locator(`#n-${task}.s-${status}`);
  /** The clock of the page is the test's: it asks for the page again when the test lets time pass. */
  const shows = async (task: string, status: string) =>
    expect
      .poll(async () => {
        await page.clock.runFor(2_500);
        return node(task, status).count();
      })
      .toBe(1);
  await shows("one", "processing");
  gates[0]?.resolve();
  await shows("two", "processing");
  await expect.poll(() => page.locator("#live").textContent()).toMatch(/^updated \d+ s ago · live$/);

  await page.locator("body").press("Space");
  await expect.poll(() => page.locator("#live").textContent()).toContain("paused");
  const before = asked;
  await page.clock.runFor(600_000);
  expect(asked).toBe(before);
  await page.locator("body").press("Space");

  const setHidden = (isHidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);
  await expect.poll(() => page.locator("#live").textContent()).toContain("live");
  await page.waitForLoadState("networkidle");
  await setHidden(true);
  const hidden = asked;
  await page.clock.runFor(600_000);
  expect(asked).toBe(hidden);
  await setHidden(false);

  gates[1]?.resolve();
  await shows("two", "success");
  await expect.poll(() => page.locator("#live").textContent()).toBe("ended");
  const after = asked;
  await page.clock.runFor(600_000);
  expect(asked).toBe(after);
  expect(await page.getAttribute("body", "data-same")).toBe("yes");
  expect(faults).toEqual([]);
});
