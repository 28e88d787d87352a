import { appendFile, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { DroppedFile } from "../../src/adapters/filesystem/dropped-file.ts";
import { walkFiles } from "../../src/adapters/filesystem/inbox-files.ts";
import { temporaryFolder } from "../support/app.ts";

const times = { stableMs: 1_000, unseenMs: 3_000, growingMs: 10_000 };

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

async function seenFile() {
  const path = join(temporaryFolder(), "a.csv");
  await writeFile(path, "first");
  const look = () => stat(path, { bigint: true });
  const seen = new DroppedFile(await look(), undefined, false, times);
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    seen.update(await look(), 0);
  };
  return { path, seen, pass };
}

it("is quiet after a while, after a longer one where writers cannot be seen, and never while it is open", async () => {
  const { seen, pass } = await seenFile();
  await pass(999);
  expect(seen.isQuiet(false)).toBe(false);
  await pass(1);
  expect([seen.isQuiet(false), seen.isQuiet(undefined)]).toEqual([true, false]);
  await pass(2_000);
  expect([seen.isQuiet(undefined), seen.isQuiet(true)]).toEqual([true, false]);
});

it("is quiet at once when it is known not to have changed", async () => {
  const { path, seen } = await seenFile();
  seen.update(await stat(path, { bigint: true }), 1_000);
  expect(seen.isQuiet(false)).toBe(true);
});

it("gives a writer that has paused twice the time of its pause, up to a limit", async () => {
  const { path, seen, pass } = await seenFile();
  const pauseAndGrow = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    await appendFile(path, "more");
    await pass(0);
  };
  await pauseAndGrow(2_000);
  await pass(3_999);
  expect(seen.isQuiet(false)).toBe(false);
  await pass(1);
  expect(seen.isQuiet(false)).toBe(true);
  await pauseAndGrow(3_000);
  await pass(9_999);
  expect(seen.isQuiet(false)).toBe(false);
  await pass(1);
  expect(seen.isQuiet(false)).toBe(true);
});

it("does not confuse a file that replaces it, or grows late, with one whose writer has paused", async () => {
  const { path, seen, pass } = await seenFile();
  await writeFile(`${path}.new`, "longer than before");
  await rename(`${path}.new`, path);
  await pass(2_000);
  await pass(1_000);
  expect(seen.isQuiet(false)).toBe(true);
  vi.advanceTimersByTime(3_600_000);
  await appendFile(path, "more");
  await pass(0);
  await pass(1_000);
  expect(seen.isQuiet(false)).toBe(true);
});

it("rests longer after each failure, up to a minute", async () => {
  const { seen } = await seenFile();
  for (const restMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    seen.fail();
    vi.advanceTimersByTime(restMs - 1);
    expect(seen.isBackingOff).toBe(true);
    vi.advanceTimersByTime(1);
    expect(seen.isBackingOff).toBe(false);
  }
});

it("looks into no folder that is passed over", async () => {
  const { path } = await seenFile();
  const asked: string[] = [];
  const isSkippedFolder = (subfolder: string) => asked.push(subfolder) > 0 && subfolder === "b/";
  const folder = join(path, "..");
  for (const name of ["b/c", "d/e"]) await mkdir(join(folder, name), { recursive: true });
  for (const name of ["b/c/x", "d/e/x"]) await writeFile(join(folder, name), "");
  const found: string[] = [];
  for await (const object of walkFiles({ folder, isSkippedFolder, onUnreadable: () => {} }))
    found.push(object);
  expect(found.sort()).toEqual(["a.csv", "d/e/x"]);
  expect(asked.sort()).toEqual(["b/", "d/", "d/e/"]);
});
