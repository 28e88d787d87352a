import {
  appendFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyDurably, toFileError } from "../../src/adapters/filesystem/durable-files.ts";
import { FingerprintCache } from "../../src/adapters/filesystem/fingerprint.ts";
import { type FileLocator, moveFile } from "../../src/adapters/filesystem/move-file.ts";
import { FolderObjectStore, resolveObjectPath } from "../../src/adapters/filesystem/object-store.ts";
import type { ObjectName } from "../../src/ports/objects.ts";

let base: string;
let inbox: string;
let store: FolderObjectStore;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "baton-objects-"));
  inbox = join(base, "inbox");
  await mkdir(inbox);
  store = new FolderObjectStore({ buckets: { inbox, reports: join(base, "reports") } });
});
afterEach(() => rm(base, { recursive: true, force: true }));

const bytes = (text: string) => Buffer.from(text);
const inInbox = (object: string, generation?: string) =>
  generation === undefined ? { bucket: "inbox", object } : { bucket: "inbox", object, generation };
async function drop(object: string, content: string): Promise<string> {
  await mkdir(join(inbox, object, ".."), { recursive: true });
  await writeFile(join(inbox, object), content);
  return (await store.stat(inInbox(object))).generation;
}
const content = (object: string) => readFile(join(inbox, object), "utf8");
const listing = async () => (await readdir(inbox, { recursive: true })).sort();

describe("generation", () => {
  it("is the same for the same bytes, and another for others", async () => {
    const first = await drop("a.csv", "x,y\n1,2\n");
    await drop("a.csv", "x,y\n1,3\n");
    expect((await store.stat(inInbox("a.csv"))).generation).not.toBe(first);
    expect(await drop("a.csv", "x,y\n1,2\n")).toBe(first);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
  });

  it("notices new bytes of the same length although the modification time was set back", async () => {
    const old = new Date("2020-01-01T00:00:00Z");
    await writeFile(join(inbox, "a.csv"), "11");
    await utimes(join(inbox, "a.csv"), old, old);
    const first = await store.stat(inInbox("a.csv"));
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await store.stat(inInbox("a.csv"));
    await writeFile(join(inbox, "a.csv"), "22");
    await utimes(join(inbox, "a.csv"), old, old);
    expect((await store.stat(inInbox("a.csv"))).generation).not.toBe(first.generation);
  });

  it("must be the current one when it is named", async () => {
    const generation = await drop("a.csv", "old");
    await writeFile(join(inbox, "a.csv"), "new");
    const name = inInbox("a.csv", generation);
    await expect(store.stat(name)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    await expect(store.read(name)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    await expect(store.write(name, bytes("x"), "text/csv")).rejects.toMatchObject({ code: "FILE_CHANGED" });
    await expect(store.move(name, inInbox("b.csv"))).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(await content("a.csv")).toBe("new");
  });
});

it("gives no generation to a file that is written all the while it is hashed", async () => {
  const path = join(inbox, "growing.csv");
  await writeFile(path, Buffer.alloc(64 * 1024 * 1024));
  let hashing = true;
  const outcome = store.stat(inInbox("growing.csv")).finally(() => {
    hashing = false;
  });
  outcome.catch(() => {});
  while (hashing) await appendFile(path, "more");
  await expect(outcome).rejects.toMatchObject({ code: "FILE_CHANGED" });
});

describe("read and write", () => {
  it("writes into new folders, replaces as a whole and leaves no temporary file", async () => {
    const name = { bucket: "reports", object: "2026/may/sales.html" };
    await store.write(name, bytes("one"), "text/html");
    const info = await store.write(name, bytes("two!"), "text/html");
    expect(info).toEqual(await store.stat(name));
    expect(info.bytes).toBe(4);
    expect(await readFile(fileURLToPath(info.uri), "utf8")).toBe("two!");
    expect(Buffer.from(await store.read({ ...name, generation: info.generation })).toString()).toBe("two!");
    expect(await readdir(join(base, "reports/2026/may"))).toEqual(["sales.html"]);
  });

  it.each(["nothing.csv", "no/such/folder.csv", "folder"])("says that %s is missing", async (object) => {
    await mkdir(join(inbox, "folder"));
    await expect(store.stat(inInbox(object))).rejects.toMatchObject({ code: "FILE_MISSING" });
    await expect(store.read(inInbox(object))).rejects.toMatchObject({ code: "FILE_MISSING" });
    await expect(store.move(inInbox(object), inInbox("b"))).rejects.toMatchObject({ code: "FILE_MISSING" });
  });

  it("names the buckets when there is no such bucket", async () => {
    await expect(store.stat({ bucket: "outbox", object: "a" })).rejects.toThrow(/outbox.*inbox, reports/);
  });
});

describe("names", () => {
  const outside = [
    "../secret",
    "a/../../secret",
    "/etc/passwd",
    "C:/x",
    "..\\secret",
    "a\0b",
    "",
    "a//b",
    "./a",
  ];
  it.each(outside)("refuses %j", async (object) => {
    await writeFile(join(base, "secret"), "secret");
    const refused = { code: "OBJECT_NAME_INVALID" };
    const name = inInbox(object);
    await drop("mine", "mine");
    await expect(store.stat(name)).rejects.toMatchObject(refused);
    await expect(store.read(name)).rejects.toMatchObject(refused);
    await expect(store.write(name, bytes("x"), "text/plain")).rejects.toMatchObject(refused);
    await expect(store.move(name, inInbox("b"))).rejects.toMatchObject(refused);
    await expect(store.move(inInbox("mine"), name)).rejects.toMatchObject(refused);
  });

  it("refuses links that lead out of the bucket, also for files that do not exist yet", async () => {
    await mkdir(join(base, "private"));
    await writeFile(join(base, "private/secret"), "secret");
    await symlink(join(base, "private"), join(inbox, "folder"));
    await symlink("../private/secret", join(inbox, "file"));
    const refused = { code: "OBJECT_NAME_INVALID" };
    await expect(store.read(inInbox("file"))).rejects.toMatchObject(refused);
    await expect(store.read(inInbox("folder/secret"))).rejects.toMatchObject(refused);
    await expect(store.write(inInbox("folder/new/x"), bytes("x"), "text/plain")).rejects.toMatchObject(
      refused,
    );
    await drop("mine", "mine");
    await expect(store.move(inInbox("mine"), inInbox("folder/mine"))).rejects.toMatchObject(refused);
    expect(await readdir(join(base, "private"))).toEqual(["secret"]);
  });
});

describe("move", () => {
  it("moves into new folders", async () => {
    const generation = await drop("sales/a.csv", "data");
    const moved = await store.move(inInbox("sales/a.csv", generation), inInbox("archive/sales/a.csv"));
    expect(moved).toEqual(await store.stat(inInbox("archive/sales/a.csv", generation)));
    await expect(store.stat(inInbox("sales/a.csv"))).rejects.toMatchObject({ code: "FILE_MISSING" });
  });

  it("gives the same answer again, also when a new file has taken the old name", async () => {
    const from = inInbox("a.csv", await drop("a.csv", "monday"));
    const first = await store.move(from, inInbox("archive/a.csv"));
    expect(await store.move(from, inInbox("archive/a.csv"))).toEqual(first);
    await drop("a.csv", "tuesday");
    expect(await store.move(from, inInbox("archive/a.csv"))).toEqual(first);
    expect(await content("a.csv")).toBe("tuesday");
  });

  it("finishes a move that stopped after its first step", async () => {
    const from = inInbox("a.csv", await drop("a.csv", "data"));
    await mkdir(join(inbox, "archive"));
    await link(join(inbox, "a.csv"), join(inbox, "archive/a.csv"));
    expect((await store.move(from, inInbox("archive/a.csv"))).object).toBe("archive/a.csv");
    expect(await listing()).toEqual(["archive", "archive/a.csv"]);
  });

  it("never replaces other content, and finds its own name again", async () => {
    await drop("archive/a.csv", "precious");
    const generation = await drop("a.csv", "new");
    const moved = await store.move(inInbox("a.csv", generation), inInbox("archive/a.csv"));
    expect(moved.object).toBe(`archive/a.${generation.slice(0, 8)}.csv`);
    expect(await content("archive/a.csv")).toBe("precious");
    expect(await content(moved.object)).toBe("new");
    expect(await store.move(inInbox("a.csv", generation), inInbox("archive/a.csv"))).toEqual(moved);
  });

  it("does not take what happens to be at the destination for the file it was to move", async () => {
    await drop("archive/a.csv", "something older");
    await expect(store.move(inInbox("a.csv"), inInbox("archive/a.csv"))).rejects.toMatchObject({
      code: "FILE_MISSING",
    });
  });

  it("keeps a file that is moved onto itself", async () => {
    const generation = await drop("a.csv", "data");
    await store.move(inInbox("a.csv", generation), inInbox("a.csv"));
    expect(await content("a.csv")).toBe("data");
  });

  it("gives one file to one name when several move it at once", async () => {
    const from = inInbox("a.csv", await drop("a.csv", "data"));
    const all = await Promise.all(
      Array.from({ length: 8 }, () => store.move(from, inInbox("archive/a.csv"))),
    );
    expect(new Set(all.map((info) => info.object))).toEqual(new Set(["archive/a.csv"]));
    expect(await listing()).toEqual(["archive", "archive/a.csv"]);
  });
});

describe("move of a file that is written meanwhile", () => {
  const fingerprints = new FingerprintCache();
  const resolvePath = (name: ObjectName) => resolveObjectPath(inbox, name);
  /** Places that do something right after they have looked at an object. */
  const placesThat = (object: string, meanwhile: () => Promise<void>): FileLocator => ({
    resolvePath,
    locate: async (name) => {
      const path = await resolvePath(name);
      const fingerprint = await fingerprints.get(path, name).catch((error) => {
        throw toFileError(error, name);
      });
      if (name.object === object) await meanwhile();
      return { name, path, fingerprint };
    },
  });

  it("does not archive the new content under the old generation", async () => {
    const from = inInbox("a.csv", await drop("a.csv", "old"));
    const places = placesThat("a.csv", () => writeFile(join(inbox, "a.csv"), "newer"));
    await expect(moveFile(from, inInbox("archive/a.csv"), places)).rejects.toMatchObject({
      code: "FILE_CHANGED",
    });
    expect(await listing()).toEqual(["a.csv", "archive"]);
    expect(await content("a.csv")).toBe("newer");
  });

  it("succeeds when another process has moved the file in between", async () => {
    const from = inInbox("a.csv", await drop("a.csv", "data"));
    const places = placesThat("a.csv", async () => void (await store.move(from, inInbox("archive/a.csv"))));
    expect((await moveFile(from, inInbox("archive/a.csv"), places)).name.object).toBe("archive/a.csv");
    expect(await listing()).toEqual(["archive", "archive/a.csv"]);
  });

  it("does not remove a new file that has taken the old name", async () => {
    const from = inInbox("a.csv", await drop("a.csv", "old"));
    await drop("archive/a.csv", "old");
    const places = placesThat("archive/a.csv", async () => {
      await rm(join(inbox, "a.csv"));
      await drop("a.csv", "newer");
    });
    expect((await moveFile(from, inInbox("archive/a.csv"), places)).name.object).toBe("archive/a.csv");
    expect(await content("a.csv")).toBe("newer");
  });
});

describe("copying, where a file can't be linked", () => {
  it("copies, verifies first, and never replaces", async () => {
    await drop("a", "data");
    const [source, target] = [join(inbox, "a"), join(inbox, "b")];
    const bad = copyDurably(source, target, () => Promise.reject(new Error("changed")));
    await expect(bad).rejects.toThrow("changed");
    expect(await listing()).toEqual(["a"]);
    await copyDurably(source, target, async (copy) => expect(await readFile(copy, "utf8")).toBe("data"));
    expect((await stat(target)).ino).not.toBe((await stat(source)).ino);
    await expect(copyDurably(source, target, async () => {})).rejects.toMatchObject({ code: "EEXIST" });
    expect(await listing()).toEqual(["a", "b"]);
  });

  it.skipIf(process.platform !== "linux")("moves between devices", async () => {
    const elsewhere = await mkdtemp("/dev/shm/baton-objects-").catch(() => undefined);
    if (elsewhere === undefined) return;
    try {
      const two = new FolderObjectStore({ buckets: { inbox, far: elsewhere } });
      const from = inInbox("a.csv", await drop("a.csv", "data"));
      const moved = await two.move(from, { bucket: "far", object: "in/a.csv" });
      expect(moved.generation).toBe(from.generation);
      expect(await two.move(from, { bucket: "far", object: "in/a.csv" })).toEqual(moved);
      expect(await listing()).toEqual([]);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });
});
