import { chmod, mkdir, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Inbox, type InboxOptions } from "../../src/adapters/filesystem/inbox.ts";
import { NewestFirstQueue } from "../../src/adapters/filesystem/inbox-announcer.ts";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import type { ObjectMessage } from "../../src/core/messages.ts";
import { interestIn, openMemory } from "./inbox-parts.ts";

let base: string;
let folder: string;
let inbox: Inbox | undefined;
let announced: ObjectMessage[];
/** Names of the files whose content was read. */
let read: string[];
let said: { readonly message: string; readonly fields: unknown }[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "baton-inbox-memory-"));
  folder = join(base, "inbox");
  await mkdir(folder);
  [announced, read, said] = [[], [], []];
});
afterEach(async () => {
  await inbox?.stop();
  await rm(base, { recursive: true, force: true });
});

class CountingStore extends FolderObjectStore {
  override stat(name: { readonly bucket: string; readonly object: string }) {
    read.push(name.object);
    return super.stat(name);
  }
}

async function start(options: Partial<InboxOptions> = {}): Promise<void> {
  const say = (message: string, fields: unknown) => void said.push({ message, fields });
  inbox = new Inbox({
    folder,
    objects: new CountingStore({ buckets: { inbox: folder } }),
    matcher: async () => interestIn(["sales/*.csv"], "archive/"),
    memory: openMemory(join(base, "memory.sqlite")),
    onObject: async (message) => void announced.push(message),
    logger: { debug: () => {}, info: say, warn: say, error: say },
    stableMs: 50,
    rescanMs: 100,
    ...options,
  });
  await inbox.start();
}

async function put(object: string, content = object): Promise<void> {
  const whole = join(base, `whole-${crypto.randomUUID()}`);
  await writeFile(whole, content);
  await mkdir(join(folder, object, ".."), { recursive: true });
  await rename(whole, join(folder, object));
}
const names = () => announced.map((message) => message.object);
const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 300_000, interval: 20 });
async function announce(object: string): Promise<void> {
  await put(object);
  await until(() => expect(names()).toContain(object));
}

it("reads no file at a start that it knows, and none that no workflow takes", async () => {
  await put("archive/sales/old.csv");
  await put("other/x.csv");
  await start();
  await announce("sales/a.csv");
  expect(read).toEqual(["sales/a.csv"]);
  await inbox?.stop();
  read = [];
  await start();
  await announce("sales/b.csv");
  expect(read).toEqual(["sales/b.csv"]);
  expect(names()).toEqual(["sales/a.csv", "sales/b.csv"]);
});

it("takes what came or changed while nothing ran", async () => {
  await start();
  await announce("sales/a.csv");
  await announce("sales/b.csv");
  await announce("sales/c.csv");
  await inbox?.stop();
  await rm(join(folder, "sales/b.csv"));
  await put("sales/a.csv", "other content");
  await put("sales/d.csv");
  announced = [];
  await start();
  await until(() => expect(names().sort()).toEqual(["sales/a.csv", "sales/d.csv"]));
  await inbox?.stop();
  const memory = openMemory(join(base, "memory.sqlite"));
  expect(memory.names("", 10)).toEqual(["sales/a.csv", "sales/c.csv", "sales/d.csv"]);
});

it("announces a drop again under the same generation when nothing says that it was announced", async () => {
  await start({
    onObject: async (message) => {
      announced.push(message);
      throw new Error("died");
    },
  });
  await announce("sales/a.csv");
  await inbox?.stop();
  const [first] = announced;
  // By itself, this would be another generation.
  await chmod(join(folder, "sales/a.csv"), 0o640);
  announced = [];
  await start();
  await until(() => expect(announced).toEqual([first]));
});

it("knows what was taken before there was a memory by its content alone", async () => {
  await put("sales/a.csv", "one");
  await start({ memory: openMemory(join(base, "memory.sqlite"), 1) });
  await until(() => expect(announced).toHaveLength(1));
  expect(announced[0]?.generation).toMatch(/^[0-9a-f]{32}$/);
  await until(() => expect(openMemory(join(base, "memory.sqlite")).hasOlderBatches).toBe(false));
  await put("sales/a.csv", "one");
  await until(() => expect(announced).toHaveLength(2));
  expect(announced[1]?.generation).toMatch(/^[0-9a-f]{32}-/);
});

it("reports each file that no workflow takes once, and of the earlier ones only the number", async () => {
  for (const name of ["x", "y", "z"]) await put(`other/${name}.csv`);
  await put("archive/sales/a.csv");
  await start();
  await put("sales/a.CSV");
  await put("archive/sales/b.csv");
  await until(() => expect(said).toHaveLength(2));
  await announce("sales/last.csv");
  await announce("sales/very-last.csv");
  expect(said).toEqual([
    {
      message: "no workflow takes these files of the inbox",
      fields: expect.objectContaining({ files: 3, first: ["other/x.csv", "other/y.csv", "other/z.csv"] }),
    },
    {
      message: "no workflow takes the file",
      fields: expect.objectContaining({ object: "sales/a.CSV", reason: expect.stringContaining("case") }),
    },
  ]);
});

it("takes what lies there when a workflow comes that takes it", async () => {
  let patterns: string[] = [];
  await put("archive/again/a.csv");
  await start({ matcher: async () => interestIn(patterns, "archive/") });
  patterns = ["archive/again/*.csv"];
  await until(() => expect(names()).toEqual(["archive/again/a.csv"]));
  await announce("archive/again/b.csv");
});

it("says that a file has grown since it was taken, and waits for a writer that pauses", async () => {
  await start();
  await announce("sales/a.csv");
  await writeFile(join(folder, "sales/a.csv"), " and more", { flag: "a" });
  await until(() => expect(announced).toHaveLength(2));
  expect(said.map(({ message }) => message)).toEqual([
    expect.stringContaining("has grown since it was taken"),
  ]);
});

it("does not keep a new small file waiting for large ones that were there", async () => {
  const gate = Promise.withResolvers<void>();
  class SlowStore extends FolderObjectStore {
    override async stat(name: { readonly bucket: string; readonly object: string }) {
      if (name.object.startsWith("sales/large")) await gate.promise;
      return super.stat(name);
    }
  }
  for (let count = 0; count < 5; count += 1) {
    await put(`sales/large-${count}.csv`);
    await truncate(join(folder, `sales/large-${count}.csv`), 65 * 1024 * 1024);
  }
  await start({ objects: new SlowStore({ buckets: { inbox: folder } }) });
  try {
    await announce("sales/small.csv");
    expect(names()).toEqual(["sales/small.csv"]);
  } finally {
    gate.resolve();
  }
  await until(() => expect(announced).toHaveLength(6));
});

it("works on the newest first, and on a few at a time", async () => {
  const done: bigint[] = [];
  let running = 0;
  let most = 0;
  const queue = new NewestFirstQueue(2);
  const all = [3n, 9n, 1n, 7n, 5n].map(
    (changedNs) =>
      new Promise<void>((resolve) => {
        queue.add(changedNs, async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((next) => setImmediate(next));
          running -= 1;
          done.push(changedNs);
          resolve();
        });
      }),
  );
  await Promise.all(all);
  expect(done).toEqual([9n, 7n, 5n, 3n, 1n]);
  expect(most).toBe(2);
});
