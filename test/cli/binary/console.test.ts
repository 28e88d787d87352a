import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Workplace } from "../../support/command.ts";
import { helloFiles } from "../../support/command-workflows.ts";
import { Browser } from "../../support/console-browser.ts";

test("the data folder in a browser, which stays signed in when the console starts again", async () => {
  const place = new Workplace(helloFiles);
  const { json } = await place.process(["run", "hello", "--input", '{"n":1}', "--json"]);
  const first = place.spawn(["console", "--port", "0"]);
  await first.saysOut("token=");
  expect(first.stdout).toMatch(
    /^The console of .*; Ctrl-C stops it\.\n {2}http:\/\/127\.0\.0\.1:\d+\/\?token=\S+\n$/,
  );
  const [, url = "", path = ""] = /(http:\/\/[^/]+)(\/\S+)/.exec(first.stdout) ?? [];
  const browser = new Browser(url);
  await browser.get(path);
  expect((await browser.get(`/b/${json.batchId}`)).text).toContain("SUCCESS");
  first.signal("SIGINT");
  expect((await first.ended).code).toBe(0);
  const second = place.spawn(["console", "--port", new URL(url).port]);
  await second.saysOut("token=");
  expect((await browser.get(`/b/${json.batchId}`)).status).toBe(200);
});

test("without data it says so, creates nothing, and its pages say what to do", async () => {
  const place = new Workplace(helloFiles);
  const running = place.spawn(["console", "--port", "0"]);
  await running.saysError("There is no data in");
  expect(running.stderr).toContain("`baton run` and `baton start` create it");
  const [, url = "", path = ""] = /(http:\/\/[^/]+)(\/\S+)/.exec(running.stdout) ?? [];
  const browser = new Browser(url);
  await browser.get(path);
  expect((await browser.get("/")).status).toBe(200);
  expect(place.has("data")).toBe(false);
});

test("a port that is taken is named", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, stderr } = await new Workplace(helloFiles).process(["console", "--port", String(port)]);
  expect(stderr).toContain(`error PORT_IN_USE: Port ${port} of 127.0.0.1 is in use`);
  expect(stderr).toContain("choose another port with --port");
  expect(code).toBe(1);
});
