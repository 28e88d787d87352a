import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

export function sampleBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../data/${name}`, import.meta.url));
}

export function sampleText(name: string): string {
  return Buffer.from(sampleBytes(name)).toString("utf8");
}

/** A folder of this test's own. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-samples-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The samples write SQLite files into the data folder, which is an empty one until the test ends. */
export function emptyDataFolder(): string {
  const data = temporaryFolder();
  vi.stubEnv("BATON_DATA", data);
  onTestFinished(() => void vi.unstubAllEnvs());
  return data;
}
