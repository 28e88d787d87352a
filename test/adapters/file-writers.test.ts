import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync } from "node:fs";
import { chmod, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isOpenForWriting, writerLimits } from "../../src/adapters/filesystem/file-writers.ts";
import { temporaryFolder } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";

async function file(name = "a.csv"): Promise<string> {
  const path = join(temporaryFolder(), name);
  await writeFile(path, "content");
  return path;
}

/** A process that has the file open, and that many other descriptors. */
async function holder(path: string, flags: string, descriptors = 0): Promise<void> {
  const code = `
    const fs = require("node:fs");
    for (let made = 0; made < ${descriptors}; made += 1) fs.openSync("/dev/null", "r");
    fs.openSync(process.argv[1], process.argv[2]);
    console.log("open");
    setInterval(() => {}, 1e6);`;
  const child = endedWithTest(() =>
    spawn(process.execPath, ["-e", code, path, flags], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  await once(child.stdout, "data");
}

describe.skipIf(process.platform !== "linux")("whether a file is open for writing", () => {
  it("finds this process and others, by whatever name they have the file", async () => {
    const path = await file();
    expect(await isOpenForWriting(path)).toBe(false);
    await holder(path, "r");
    expect(await isOpenForWriting(path)).toBe(false);
    const descriptor = openSync(path, "a");
    expect(await isOpenForWriting(path)).toBe(true);
    expect(await isOpenForWriting(path)).toBe(true);
    closeSync(descriptor);
    expect(await isOpenForWriting(path)).toBe(false);
    await holder(path, "r+");
    expect(await isOpenForWriting(path)).toBe(true);
    await rename(path, `${path}.renamed`);
    expect(await isOpenForWriting(`${path}.renamed`)).toBe(true);
  });

  it("is no for another file of the same name, and for one that is gone", async () => {
    const path = await file();
    await holder(await file(), "a");
    expect(await isOpenForWriting(path)).toBe(false);
    expect(await isOpenForWriting(`${path}.gone`)).toBe(false);
  });

  it("is found for every one of many files by few descriptors of its own", async () => {
    const paths = await Promise.all(Array.from({ length: 300 }, (_, index) => file(`${index}.csv`)));
    const [written] = paths;
    if (written !== undefined) await holder(written, "a", 500);
    const before = readdirSync("/proc/self/fd").length;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, readdirSync("/proc/self/fd").length);
    });
    onTestFinished(() => clearInterval(watch));
    const answers = await Promise.all(paths.map((path) => isOpenForWriting(path)));
    expect(answers).toEqual(paths.map((path) => path === written));
    expect(most - before).toBeLessThan(50);
  });

  it("does not report when more files are open than it examines", async () => {
    const path = await file();
    const unlimited = writerLimits.inboxDescriptors;
    onTestFinished(() => void Object.assign(writerLimits, { inboxDescriptors: unlimited }));
    Object.assign(writerLimits, { inboxDescriptors: 5 });
    expect(await isOpenForWriting(path)).toBeUndefined();
  });

  it.skipIf(process.getuid?.() !== 0)(
    "reports nothing to a user who may not see the file's owner",
    async () => {
      const path = await file();
      await chmod(dirname(path), 0o755);
      process.seteuid?.(65_534);
      onTestFinished(() => process.seteuid?.(0));
      expect(await isOpenForWriting(path)).toBeUndefined();
    },
  );
});
