import type { BrowserContextOptions } from "playwright-core";
import { onTestFinished } from "vitest";
import { browser } from "../support/browser.ts";
import type { ConsolePlace } from "./place.ts";

/** A signed-in browser, and what it must not do: ask another host, open a dialog, break a rule of the page. */
export async function visit(place: ConsolePlace, options: BrowserContextOptions = {}) {
  const context = await (await browser()).newContext({
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  onTestFinished(() => context.close());
  // Long enough for any machine; a failure then says what the step waited for.
  context.setDefaultTimeout(5 * 60_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(`${place.url}/`)) faults.push(`request ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    faults.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => faults.push(`error ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console ${message.text()}`);
  });
  await page.goto(`${place.url}/?token=${place.tokens.at(-1)}`);
  await page.waitForURL(`${place.url}/`);
  return { page, faults };
}
