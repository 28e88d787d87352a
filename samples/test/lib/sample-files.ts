import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function sampleBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../data/${name}`, import.meta.url));
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
