import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { anHourLater, startBaton } from "./baton-process.ts";
import { temporaryFolder } from "./support.ts";
import { Website } from "./website.ts";

const inbox = fileURLToPath(new URL("../data/search", import.meta.url));
const search = fileURLToPath(new URL("../scripts/search.ts", import.meta.url));
const killer = new URL("kill-in-ocr-child.ts", import.meta.url).href;

test("killed while the OCR reads, another process takes over: asked once, indexed once", async () => {
  const service = new Website(() => ({
    headers: { "content-type": "application/json" },
    body: '{"premium":true}',
  }));
  const data = temporaryFolder();
  const environment = {
    BATON_DATA: data,
    BATON_INBOX: inbox,
    BATON_HTTP_ALLOW_PRIVATE: "true",
    BATON_LEASE: "10m",
  };
  const input = JSON.stringify({
    document_id: "warranty-card",
    file: "warranty-card.png",
    premium_url: `${await service.serve()}/premium`,
  });
  const command = ["run", "search-index", "--key", "k", "--json", "--input", input];
  const killing = { ...environment, NODE_OPTIONS: `--import=${killer}` };
  expect(await startBaton(command, killing).ended).toMatchObject({ signal: "SIGKILL" });
  expect(service.paths).toEqual(["/premium"]);
  const { code, stdout, stderr } = await startBaton(command, { ...environment, ...anHourLater }).ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout).tasks).toMatchObject([
    { status: "SUCCESS", attempts: 2, result: { indexed: true, reason: "ocr" } },
  ]);
  expect(service.paths).toEqual(["/premium"]);
  const found = await promisify(execFile)(process.execPath, [search, "rubber", "seal"], {
    env: { ...process.env, BATON_DATA: data },
  });
  expect(found.stdout).toMatch(/^warranty-card: .*\[rubber\] \[seal\][\s\S]*\n1 of 1 documents/);
});
