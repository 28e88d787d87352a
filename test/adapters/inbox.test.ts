import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { contentHash, dropGeneration } from "../../src/adapters/filesystem/fingerprint.ts";
import { Inbox, type InboxOptions } from "../../src/adapters/filesystem/inbox.ts";
import { DropAnnouncer } from "../../src/adapters/filesystem/inbox-announcer.ts";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import type { ObjectMessage } from "../../src/core/messages.ts";
import type { ObjectStore } from "../../src/ports/objects.ts";
import { interestIn, openMemory } from "./inbox-parts.ts";

let base: string;
let folder: string;
let inbox: Inbox | undefined;
let memory: ReturnType<typeof openMemory>;
let announced: ObjectMessage[];
let logged: { level: string; message: string }[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "baton-inbox-"));
  folder = join(base, "inbox");
  await mkdir(folder);
  memory = openMemory();
  announced = [];
  logged = [];
});
afterEach(async () => {
  await inbox?.stop();
  inbox = undefined;
  await rm(base, { recursive: true, force: true });
});

async function start(options: Partial<InboxOptions> = {}): Promise<void> {
  const log = (level: string) => (message: string) => void logged.push({ level, message });
  inbox = new Inbox({
    folder,
    objects: new FolderObjectStore({ buckets: { inbox: folder } }),
    matcher: async () => interestIn(["**"]),
    memory,
    onObject: async (message) => void announced.push(message),
    logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    stableMs: 100,
    rescanMs: 200,
    ...options,
  });
  await inbox.start();
}

/** In one go: a pause between emptying and filling a file would be a content of its own. */
async function put(name: string, content: string): Promise<void> {
  const whole = join(base, `whole-${crypto.randomUUID()}`);
  await writeFile(whole, content);
  await rename(whole, join(folder, name));
}
const names = () => announced.map((message) => message.object).sort();
const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 300_000, interval: 20 });
/** Drops a file and waits for it: what was dropped before has been looked at several times by then. */
async function letTimePass(): Promise<void> {
  for (const round of [1, 2]) {
    const marker = `marker-${round}-${crypto.randomUUID()}`;
    await put(marker, marker);
    await until(() => expect(names()).toContain(marker));
    announced = announced.filter((message) => message.object !== marker);
  }
}
const errors = () => logged.filter(({ level }) => level === "error");

it("announces files that are there at the start and files that come, in subfolders too", async () => {
  await put("first.csv", "a,b\n1,2\n");
  await start();
  await until(() => expect(names()).toEqual(["first.csv"]));
  await mkdir(join(folder, "sales/may"), { recursive: true });
  await put("sales/may/second.csv", "x");
  await until(() => expect(names()).toEqual(["first.csv", "sales/may/second.csv"]));
  const store = new FolderObjectStore({ buckets: { inbox: folder } });
  const content = (await store.stat({ bucket: "inbox", object: "first.csv" })).generation;
  const { ctimeNs } = await stat(join(folder, "first.csv"), { bigint: true });
  const generation = dropGeneration(content, ctimeNs);
  expect(announced[0]).toEqual({ kind: "object", bucket: "inbox", object: "first.csv", generation, size: 8 });
  // Its tasks ask for the file by the name in their input.
  expect(await store.stat({ bucket: "inbox", object: "first.csv", generation })).toMatchObject({ bytes: 8 });
});

it("hears of new files from the file system, long before the next look through the folder", async () => {
  await start({ rescanMs: 3_600_000 });
  await put("a.csv", "x");
  await until(() => expect(names()).toEqual(["a.csv"]));
});

it("hears of files that go, so that one that comes back at once is another drop", async () => {
  await start({ rescanMs: 3_600_000 });
  await put("a.csv", "x");
  await until(() => expect(memory.get("a.csv")?.isAnnounced).toBe(true));
  await rename(join(folder, "a.csv"), join(base, "a.csv"));
  await until(() => expect(memory.get("a.csv")).toBeUndefined());
  await rename(join(base, "a.csv"), join(folder, "a.csv"));
  await until(() => expect(announced).toHaveLength(2));
});

it("finds the files of a folder that is moved in", async () => {
  await start();
  await mkdir(join(base, "elsewhere"));
  await writeFile(join(base, "elsewhere/a.csv"), "x");
  await rename(join(base, "elsewhere"), join(folder, "sales"));
  await until(() => expect(names()).toEqual(["sales/a.csv"]));
});

describe("the same bytes again", () => {
  const drop = async () => {
    await put("a.csv", "one");
    await until(() => expect(announced).toHaveLength(1));
  };

  it("are another drop: put there again, written again, or after they were taken away", async () => {
    await start();
    await drop();
    await put("a.csv", "one");
    await until(() => expect(announced).toHaveLength(2));
    await writeFile(join(folder, "a.csv"), "one");
    await until(() => expect(announced).toHaveLength(3));
    await rename(join(folder, "a.csv"), join(base, "a.csv"));
    await until(() => expect(memory.get("a.csv")).toBeUndefined());
    await rename(join(base, "a.csv"), join(folder, "a.csv"));
    await until(() => expect(announced).toHaveLength(4));
    const generations = announced.map((message) => message.generation);
    expect(new Set(generations).size).toBe(4);
    expect(new Set(generations.map(contentHash)).size).toBe(1);
  });

  it("are the same drop when a copying program sets the time of the file back", async () => {
    await start();
    await drop();
    await utimes(join(folder, "a.csv"), new Date(0), new Date(0));
    await letTimePass();
    expect(announced).toHaveLength(1);
  });

  it("are the same drop when only the rights of the file were changed", async () => {
    await start();
    await drop();
    await chmod(join(folder, "a.csv"), 0o640);
    await letTimePass();
    expect(announced).toHaveLength(1);
  });
});

it("passes over what is hidden, a backup, still being sent, a folder or a link", async () => {
  await writeFile(join(base, "secret"), "secret");
  await mkdir(join(folder, ".git"));
  await mkdir(join(folder, "empty"));
  await symlink(join(base, "secret"), join(folder, "link.csv"));
  await start();
  const ignored = [".hidden", "~$a.xlsx", "a.csv~", "a.TMP", "a.part", "a.partial", "a.crdownload", ".git/a"];
  for (const name of ignored) await put(name, "x");
  await symlink(".hidden", join(folder, "inner-link.csv"));
  await letTimePass();
  expect(announced).toEqual([]);
  await rename(join(folder, "a.part"), join(folder, "a.csv"));
  await until(() => expect(names()).toEqual(["a.csv"]));
});

it.each([
  ["at the start", true],
  ["later", false],
])("waits until a file that grows slowly is whole: %s", async (_when, before) => {
  const stableMs = 1_500;
  for (let heldUp = true; heldUp; ) {
    announced = [];
    const name = `slow-${crypto.randomUUID()}.csv`;
    if (before) await appendFile(join(folder, name), "row\n");
    await start({ stableMs, rescanMs: 50 });
    if (!before) await appendFile(join(folder, name), "row\n");
    const { longestPauseMs } = await growSlowly(join(folder, name));
    await until(() => expect(names()).toContain(name));
    // A writer that this machine held up for so long has paused: that says nothing, so it is tried again.
    heldUp = longestPauseMs > stableMs / 2;
    if (!heldUp) expect(announced.map((message) => message.size)).toEqual([31 * "row\n".length]);
    await inbox?.stop();
    await rm(join(folder, name));
  }
});

async function growSlowly(path: string): Promise<{ longestPauseMs: number }> {
  let longestPauseMs = 0;
  for (let round = 0; round < 30; round += 1) {
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 75));
    await appendFile(path, "row\n");
    longestPauseMs = Math.max(longestPauseMs, performance.now() - begin);
  }
  return { longestPauseMs };
}

it("does not announce what a file was before it was written again while it was hashed", async () => {
  const store = new FolderObjectStore({ buckets: { inbox: folder } });
  const path = join(folder, "a.csv");
  const resumes = [() => appendFile(path, "second"), () => appendFile(path, "third")];
  const objects: ObjectStore = {
    stat: async (name) => {
      const info = await store.stat(name);
      await resumes.shift()?.();
      return info;
    },
    read: (name) => store.read(name),
    write: (...all) => store.write(...all),
    move: (...all) => store.move(...all),
    list: (...all) => store.list(...all),
    remove: (...all) => store.remove(...all),
  };
  await put("a.csv", "first");
  await start({ objects });
  await until(() => expect(announced).not.toEqual([]));
  expect(announced.map((message) => message.size)).toEqual(["firstsecondthird".length]);
});

it("hands a file over again when the callback rejects", async () => {
  let failures = 2;
  await start({
    onObject: async (message) => {
      if (failures-- > 0) throw new Error("the store is away");
      announced.push(message);
    },
  });
  await put("a.csv", "x");
  await until(() => expect(names()).toEqual(["a.csv"]));
  expect(logged.filter(({ level }) => level === "warn")).toHaveLength(2);
});

it.skipIf(process.platform !== "linux")(
  "waits for a writer that pauses for longer than the quiet time",
  async () => {
    await start();
    const file = await open(join(folder, "slow.csv"), "w");
    await file.write("first half\n");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(names()).toEqual([]);
    await file.write("second half\n");
    await file.close();
    await until(() => expect(names()).toEqual(["slow.csv"]));
    expect(announced[0]?.size).toBe(23);
  },
);

it("is not disturbed by files that vanish", async () => {
  await start({ stableMs: 20, rescanMs: 20 });
  for (let round = 0; round < 100; round += 1) {
    await put(`gone-${round}`, "x".repeat(100_000));
    await new Promise((resolve) => setTimeout(resolve, round % 40));
    await rm(join(folder, `gone-${round}`));
  }
  await put("stays", "x");
  await until(() => expect(names()).toContain("stays"));
  expect(logged.filter(({ level }) => level !== "info")).toEqual([]);
});

it.each(["missing", "a file"])("does not start when the folder is %s", async (what) => {
  await rm(folder, { recursive: true });
  if (what === "a file") await writeFile(folder, "");
  await expect(start()).rejects.toMatchObject({
    code: "INBOX_MISSING",
    message: expect.stringContaining(folder),
  });
});

it.skipIf(process.platform === "win32").each([
  ["listed", 0o311],
  ["entered", 0o644],
])("does not start when the folder can't be %s", async (_what, mode) => {
  await chmod(base, 0o755);
  await chmod(folder, mode);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await expect(start()).rejects.toMatchObject({ code: "INBOX_MISSING" });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

it("reports once that the folder is missing, and continues when it is back", async () => {
  await start({ rescanMs: 30 });
  await put("a.csv", "x");
  await until(() => expect(names()).toEqual(["a.csv"]));
  await rm(folder, { recursive: true });
  await until(() => expect(errors()).toHaveLength(1));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(errors()).toHaveLength(1);
  await mkdir(folder);
  await put("b.csv", "y");
  await until(() => expect(names()).toEqual(["a.csv", "b.csv"]));
});

it("announces nothing that is heard of after the stop", async () => {
  await put("a.csv", "x");
  const announcer = new DropAnnouncer({
    bucket: "inbox",
    objects: new FolderObjectStore({ buckets: { inbox: folder } }),
    memory: openMemory(),
    onObject: async (message) => void announced.push(message),
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    times: { stableMs: 0, unseenMs: 0, growingMs: 0 },
  });
  await announcer.stop();
  await announcer.inspect(folder, "a.csv");
  await announcer.stop();
  expect(announced).toEqual([]);
});

it("stops: waits for the callback that runs, and calls none after", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  await start({
    onObject: async () => {
      running += 1;
      await gate.promise;
      running -= 1;
    },
  });
  await put("a.csv", "x");
  await until(() => expect(running).toBe(1));
  let stopped = false;
  const stopping = inbox?.stop().then(() => {
    stopped = true;
  });
  await put("b.csv", "y");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(stopped).toBe(false);
  gate.resolve();
  await stopping;
  expect(running).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(running).toBe(0);
});
