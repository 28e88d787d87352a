import { link, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import { type ArchiveFileParameters, archiveFile, archiveFileType } from "../../src/tasks/archive-file.ts";
import { type Circumstances, runBuiltIn } from "./run-built-in.ts";

let inbox: string;
let objects: FolderObjectStore;

beforeEach(async () => {
  inbox = await mkdtemp(join(tmpdir(), "baton-archive-"));
  objects = new FolderObjectStore({ buckets: { inbox } });
});
afterEach(() => rm(inbox, { recursive: true, force: true }));

async function drop(object: string, content = "data") {
  await mkdir(dirname(join(inbox, object)), { recursive: true });
  await writeFile(join(inbox, object), content);
  const { generation } = await objects.stat({ bucket: "inbox", object });
  return { bucket: "inbox", object, generation };
}
const run = (parameters: ArchiveFileParameters, circumstances: Circumstances = {}) =>
  runBuiltIn(archiveFileType, archiveFile(parameters), { objects }, circumstances);
const files = async () =>
  (await readdir(inbox, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(inbox.length + 1))
    .sort();

it.each(["archive/", "archive", "archive//"])(
  "moves the dropped file below %s, keeping its path",
  async (to) => {
    const input = await drop("sales/a.csv");
    const archived = { ...input, object: "archive/sales/a.csv" };
    expect(await run({ to }, { input })).toEqual(archived);
    expect(await files()).toEqual(["archive/sales/a.csv"]);
  },
);

it("does the same again after a crash, wherever it came", async () => {
  const input = await drop("sales/a.csv");
  await mkdir(join(inbox, "archive/sales"), { recursive: true });
  await link(join(inbox, "sales/a.csv"), join(inbox, "archive/sales/a.csv"));
  const once = await run({ to: "archive/" }, { input });
  expect(await run({ to: "archive/" }, { input })).toEqual(once);
  expect(await files()).toEqual(["archive/sales/a.csv"]);
});

it("leaves a file alone that is in the archive already", async () => {
  const input = await drop("archive/a.csv");
  expect(await run({ to: "archive/" }, { input })).toEqual(input);
  expect(await files()).toEqual(["archive/a.csv"]);
});

it("takes the file of its parameters, also from a parent's result", async () => {
  const input = await drop("input.csv");
  const other = await drop("other.csv", "other");
  const { object } = await run({ to: "done", file: { bucket: "inbox", object: "input.csv" } });
  expect(object).toBe("done/input.csv");
  const parents = { unpack: { file: { ...other, rows: 3 } } };
  const archived = await run({ to: "done", file: "{{ parents.unpack.file }}" }, { input, parents });
  expect(archived).toEqual({ ...other, object: "done/other.csv" });
});

it("fails for good when the content is another one now, and moves nothing", async () => {
  const input = await drop("a.csv");
  await drop("a.csv", "newer");
  await expect(run({ to: "archive" }, { input })).rejects.toMatchObject({ code: "FILE_CHANGED" });
  expect(await files()).toEqual(["a.csv"]);
});

it.each([null, "a.csv", { bucket: "inbox" }])("says so when there is no file: %j", async (input) => {
  const failure = { name: "TaskError", code: "INPUT_INVALID", retryable: false };
  await expect(run({ to: "archive" }, { input })).rejects.toMatchObject(failure);
});

it.each(["../elsewhere", "/etc"])("does not leave the bucket: %s", async (to) => {
  const input = await drop("a.csv");
  await expect(run({ to }, { input })).rejects.toMatchObject({ code: "OBJECT_NAME_INVALID" });
});

it.each([{ to: "" }, { to: "/" }, { to: "a", file: "plain text" }, { to: "a", unknown: 1 }])(
  "refuses parameters that can't be right: %j",
  (parameters) =>
    expect(() => archiveFile(parameters)).toThrow(
      expect.objectContaining({ code: "TASK_PARAMETERS_INVALID" }),
    ),
);
