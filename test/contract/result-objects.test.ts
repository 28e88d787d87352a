import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { ResultObjects } from "../../src/adapters/sqlite/result-objects.ts";
import { temporaryFolder } from "../support/app.ts";
import { filesIn } from "../support/stored.ts";

/** The objects of a data folder, in which an earlier version has written these results as files. */
function open(data = temporaryFolder(), earlier: readonly string[] = []) {
  for (const object of earlier) {
    mkdirSync(join(data, "results", object, ".."), { recursive: true });
    writeFileSync(join(data, "results", object), object);
  }
  const path = join(data, "baton.sqlite");
  const logger = createLogger("silent");
  const database = openDatabase({ path, durability: "full", lockTimeoutSeconds: 5, logger });
  const group = new GroupCommit(database, path);
  const folders = { results: join(data, "results"), reports: join(data, "reports") };
  const objects = new ResultObjects(database, group, "results", new FolderObjectStore({ buckets: folders }));
  const close = () => {
    if (database.isOpen) database.close();
  };
  onTestFinished(close);
  return { data, objects, database, group, close };
}

const bytes = (text: string) => new TextEncoder().encode(text);

async function contentOf(objects: ResultObjects, object: string): Promise<string> {
  return new TextDecoder().decode(await objects.read({ bucket: "results", object }));
}

test("a result is a row, is there when the file is opened again, and is replaced as a whole", async () => {
  const first = open();
  const name = { bucket: "results", object: "b/t/1.json" };
  await first.objects.write(name, bytes("a longer one"), "application/json");
  const info = await first.objects.write(name, bytes("two"), "application/json");
  expect(info).toMatchObject({ ...name, bytes: 3 });
  expect(await first.objects.stat(name)).toEqual(info);
  first.close();
  expect(filesIn(join(first.data, "results"))).toEqual([]);
  expect(await contentOf(open(first.data).objects, name.object)).toBe("two");
});

test("a result is durable when the write returns, and a write that is rolled back fails", async () => {
  const { objects, group, database } = open();
  const name = { bucket: "results", object: "b/t/1.json" };
  const written = objects.write(name, bytes("x"), "application/json");
  expect(database.isTransaction).toBe(true);
  await written;
  expect(database.isTransaction).toBe(false);
  const undone = objects.write({ ...name, object: "b/t/2.json" }, bytes("x"), "application/json");
  expect(() => group.write(() => database.exec("no statement"))).toThrow();
  await expect(undone).rejects.toThrow();
  await expect(objects.read({ ...name, object: "b/t/2.json" })).rejects.toMatchObject({
    code: "FILE_MISSING",
  });
});

test("results of an earlier version are files: they are read, listed in order with the rows, and removed", async () => {
  const { objects, data } = open(undefined, ["b/a/1.json", "b/c/1.json", "other/a/1.json"]);
  for (const object of ["b/b/1.json", "b/d/1.json", "bb/a/1.json"])
    await objects.write({ bucket: "results", object }, bytes(object), "application/json");
  const list = (limit: number, after?: string) =>
    objects.list({ bucket: "results", prefix: "b/" }, { limit, ...(after !== undefined && { after }) });
  const names = async (...page: Parameters<typeof list>) =>
    (await list(...page)).objects.map(({ object }) => object);
  expect(await contentOf(objects, "b/a/1.json")).toBe("b/a/1.json");
  expect(await names(10)).toEqual(["b/a/1.json", "b/b/1.json", "b/c/1.json", "b/d/1.json"]);
  const first = await list(3);
  expect(first.next).toBe("b/c/1.json");
  expect(await list(3, first.next)).toMatchObject({ objects: [{ object: "b/d/1.json" }], next: undefined });
  for (const listed of (await list(10)).objects) await objects.remove(listed);
  expect(await names(10)).toEqual([]);
  expect(filesIn(join(data, "results")).filter((name) => name.endsWith(".json"))).toEqual([
    join("other", "a", "1.json"),
  ]);
  expect(await contentOf(objects, "bb/a/1.json")).toBe("bb/a/1.json");
});

test("objects of other buckets are files", async () => {
  const { objects, data } = open();
  await objects.write({ bucket: "reports", object: "sales.html" }, bytes("<p>"), "text/html");
  expect(filesIn(join(data, "reports"))).toEqual(["sales.html"]);
  expect((await objects.list({ bucket: "reports", prefix: "s" }, { limit: 5 })).objects).toHaveLength(1);
});
