import { mkdirSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";

test.each([
  ["below a file", { BATON_DATA: "/dev/null/baton" }, /^error STORE_[A-Z_]+: .*\/dev\/null\/baton/m],
  [
    "on a file system that takes no files",
    { BATON_DATA: "/sys/baton" },
    /^error STORE_[A-Z_]+: .*\/sys\/baton/m,
  ],
])("a data folder %s: coded, exit 1", async (_, environment, error) => {
  const place = new Workplace(helloFiles);
  for (const parameters of [
    ["start", "--port", "0"],
    ["run", "hello", "--input", '{"n":1}'],
  ]) {
    const { code, stderr } = await place.baton(parameters, { environment });
    expect(stderr).toMatch(error);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(1);
  }
});

test("a data folder that is a file does not count as missing", async () => {
  const place = new Workplace(helloFiles);
  place.write("data", "");
  for (const parameters of [["batches"], ["show", "nothing"], ["workflows"]]) {
    const { code, stderr } = await place.baton(parameters);
    expect(stderr).toMatch(/^error STORE_READ_ONLY: .*data/);
    expect(code).toBe(1);
  }
});

test("a database without write permission is read-only, and another file is corrupt", async () => {
  const folder = new Workplace(helloFiles);
  mkdirSync(folder.path("data/baton.sqlite"), { recursive: true });
  expect(await folder.baton(["start", "--port", "0"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error STORE_READ_ONLY: /),
  });
  const noise = new Workplace(helloFiles);
  mkdirSync(noise.path("data"));
  writeFileSync(noise.path("data/baton.sqlite"), "this is no database ".repeat(500));
  expect(await noise.baton(["run", "hello", "--json"])).toMatchObject({
    code: 1,
    json: { error: { code: "STORE_CORRUPT" } },
  });
});

test("a database that another process holds: STORE_LOCKED, exit 1", async () => {
  const place = new Workplace(helloFiles);
  await place.baton(["run", "hello", "--input", '{"n":1}']);
  const holder = new DatabaseSync(place.path("data/baton.sqlite"));
  holder.exec("BEGIN IMMEDIATE");
  const { code, stderr } = await place.process(["run", "hello", "--input", '{"n":1}']);
  holder.close();
  expect(stderr).toMatch(/^error STORE_LOCKED: /m);
  expect(code).toBe(1);
});

test("a configured inbox must exist", async () => {
  const place = new Workplace(helloFiles, {});
  const environment = { BATON_INBOX: place.path("nowhere") };
  const { code, stderr } = await place.baton(["start", "--port", "0"], { environment });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error INBOX_MISSING: .*nowhere/m);
});

test("an inbox that can't be created is an error, except for commands that only read", async () => {
  const place = new Workplace(helloFiles);
  place.write("data/inbox", "");
  const { code, stderr } = await place.baton(["run", "hello", "--input", '{"n":1}']);
  expect(stderr).toMatch(/^error INBOX_MISSING: The inbox can't be created: .*inbox/m);
  expect(code).toBe(2);
  expect((await place.baton(["batches", "--json"])).list).toEqual([]);
});

test("a missing folder of workflows", async () => {
  const place = new Workplace({});
  const environment = { BATON_WORKFLOWS: place.path("nowhere") };
  for (const parameters of [["start", "--port", "0"], ["workflows"], ["run", "hello"]]) {
    const { code, stderr } = await place.baton(parameters, { environment });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error WORKFLOW_FOLDER_MISSING: /m);
  }
});
