import { existsSync, mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";

const lists = [
  ["batches"],
  ["inspect", "active"],
  ["inspect", "locks"],
  ["inspect", "results"],
  ["dead-letters"],
];
const others = [
  ["inspect", "stats"],
  ["inspect", "registered"],
  ["workflows"],
  ["graph", "hello"],
  ["validate"],
  ["backfill", "hello", "--from", "2026-01-01", "--to", "2026-01-02", "--dry-run", "--skip-invalid"],
  ["replay", "--code", "USAGE"],
  ["resend", "--job-id", "j1"],
  ["explain", "nothing"],
  ["show", "nothing"],
  ["cancel", "nothing"],
  ["retry", "nothing"],
  ["complete", "nothing", "task"],
  ["event", "nothing", "paid"],
  ["unlock", "nothing"],
  ["clear-result", "nothing"],
  ["forget", "nothing", "--delete"],
  ["replay", "nothing"],
  ["remove", "nothing"],
];

test.each(lists)("%s %s: without data it creates none, and the list is empty", async (...words) => {
  const place = new Workplace(helloFiles);
  const output = await place.baton(words);
  expect(output.code).toBe(0);
  expect(output.stderr).toBe(
    `There is no data in ${place.path("data")} yet: \`baton run\` and \`baton start\` create it.\n`,
  );
  expect((await place.baton([...words, "--json"])).list).toEqual([]);
  expect(existsSync(place.path("data"))).toBe(false);
});

test.each(others)("%s %s: without data it creates none", async (...words) => {
  const place = new Workplace(helloFiles);
  const { code, stderr } = await place.baton(words);
  expect(stderr).not.toMatch(/error (STORE_|INTERNAL)/);
  expect([0, 2]).toContain(code);
  expect(existsSync(place.path("data"))).toBe(false);
});

test("a folder that another command has created is read", async () => {
  const place = new Workplace(helloFiles);
  mkdirSync(place.path("data"));
  expect((await place.baton(["batches"])).stderr).toContain("There is no data in ");
  await place.baton(["run", "hello", "--input", '{"n":1}']);
  const { list, stderr } = await place.baton(["batches", "--json"]);
  expect(stderr).toBe("");
  expect(list).toHaveLength(1);
});

test("the database of another program is refused, and left as it is", async () => {
  const place = new Workplace(helloFiles);
  mkdirSync(place.path("data"));
  const other = new DatabaseSync(place.path("data/baton.sqlite"));
  other.exec("CREATE TABLE messages (text TEXT); CREATE TABLE people (name TEXT);");
  for (const words of [["batches"], ["run", "hello"], ["start", "--port", "0"]]) {
    const { code, stderr } = await place.baton(words);
    expect(stderr).toMatch(
      /^error STORE_CORRUPT: It is the database of another program: it has messages, people/m,
    );
    expect(code).toBe(1);
  }
  const tables = other.prepare("SELECT name FROM sqlite_schema").all();
  expect(tables.map(({ name }) => name)).toEqual(["messages", "people"]);
  expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" });
  other.close();
});
