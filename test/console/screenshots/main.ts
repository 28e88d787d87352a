// Makes the pictures of docs/console.md and the README from batches that really ran: npm run screenshots
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { createLogger } from "../../../src/adapters/pino/logger.ts";
import { openEmbedded } from "../../../src/app/embedded.ts";
import { startLocalServer } from "../../../src/app/local-server.ts";
import { readConfiguration } from "../../../src/configuration/configuration.ts";
import { createConsole, localAccess, readAssets } from "../../../src/console/index.ts";
import { browser, closeBrowser } from "../../support/browser.ts";
import { workflows } from "./workflows.ts";

const target = fileURLToPath(new URL("../../../docs/images", import.meta.url));
const data = mkdtempSync(`${tmpdir()}/baton-screenshots-`);
const logger = createLogger("silent");
const app = openEmbedded({ configuration: readConfiguration({ BATON_DATA: data }), logger, workflows });
const tokens: string[] = [];
const server = await startLocalServer(
  { app, logger },
  { port: 0, host: "127.0.0.1" },
  {
    pages: createConsole({
      app,
      access: localAccess({ secret: data, actor: "ada", onToken: (token) => void tokens.push(token) }),
      assets: readAssets(fileURLToPath(new URL("../../../dist/console", import.meta.url))),
      logger,
      place: "shop",
    }),
  },
);
app.work.start();

async function settled(workflowId: string, input?: { readonly day: string }) {
  const start = { kind: "start", workflowId, ...(input && { input }) } as const;
  const { batchId } = await app.engine.start(start);
  for (;;) {
    const view = await app.engine.admin.show(batchId);
    const waits = view.tasks.some(({ status, reason }) => status === "WAITING" && reason === "event");
    if (view.status !== "RUNNING" || waits) return view;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

let failed = "";
let latest = "";
for (let day = 17; day <= 30; day += 1) {
  const { batchId, status } = await settled("orders", { day: `2026-11-${day}` });
  if (status === "ERROR") failed = batchId;
  else latest = batchId;
}
let key = "";
for (let index = 0; index < 6; index += 1) key = (await settled("customers")).tasks[0]?.key ?? key;
const waits = await settled("price-change");

const page = await (await browser()).newPage({
  viewport: { width: 1300, height: 580 },
  colorScheme: "light",
});
await page.goto(`${server.url}/?token=${tokens.at(-1)}`);
await page.waitForURL(`${server.url}/`);
mkdirSync(target, { recursive: true });
for (const [name, path] of [
  ["overview", "/"],
  ["workflow", "/w/orders"],
  ["batches", "/b"],
  ["graph", `/b/${failed}`],
  ["timeline", `/b/${latest}?v=timeline`],
  ["task", `/b/${failed}?v=table&t=exchange-rates`],
  ["key", `/k/${encodeURIComponent(key)}`],
  ["waiting", `/b/${waits.batchId}?t=approve`],
] as const) {
  await page.goto(server.url + path);
  await page.screenshot({ path: `${target}/console-${name}.png`, animations: "disabled" });
}
await closeBrowser();
await server.stop();
await app.close();
rmSync(data, { recursive: true, force: true });
