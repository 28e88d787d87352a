import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { textOfImage } from "../../lib/ocr.ts";
import { pictures } from "../../scripts/make-inputs/texts.ts";
import { sampleBytes, temporaryFolder } from "../support.ts";

const scan = sampleBytes("documents/scan.png");

test.for(pictures)("the text of $file is read", async ({ file, lines }) => {
  const { text, confidence } = await textOfImage(sampleBytes(file));
  expect(text.split(/\n+/)).toEqual(lines);
  expect(confidence).toBeGreaterThan(80);
});

test("the event loop is left alone while a picture is read", async () => {
  await textOfImage(scan);
  const before = performance.eventLoopUtilization();
  await textOfImage(scan);
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
});

test.for([
  ["nothing", new Uint8Array()],
  ["text", new TextEncoder().encode("no picture")],
  ["only the beginning of a PNG", scan.slice(0, 60)],
  ["a PNG of noise", Buffer.concat([scan.slice(0, 8), Buffer.alloc(500, 7)])],
  ["a BMP of noise", Buffer.from("BM and no more than that")],
] as const)("%s is refused for good", async ([, bytes]) => {
  await expect(textOfImage(bytes)).rejects.toMatchObject({ code: "IMAGE_UNREADABLE", retryable: false });
});

test("an aborted signal ends the reading with its reason", async () => {
  const controller = new AbortController();
  const reading = textOfImage(scan, controller.signal);
  controller.abort(new Error("cancelled"));
  await expect(reading).rejects.toThrow("cancelled");
  await expect(textOfImage(scan, controller.signal)).rejects.toThrow("cancelled");
});

test("a thread that dies while it reads is a failure worth a retry", async () => {
  const killReader = (thread: Worker): void => {
    thread.on("message", (message) => {
      if (message.action === "initialize" && message.status === "resolve") thread.terminate();
    });
  };
  process.on("worker", killReader);
  onTestFinished(() => void process.off("worker", killReader));
  await expect(textOfImage(scan)).rejects.toMatchObject({ code: "OCR_FAILED", retryable: true });
});

/** Runs code in a process of its own and gives what it printed; fails if a thread keeps the process alive. */
async function runProcess(code: string): Promise<string> {
  const limits = { timeout: 40_000, killSignal: "SIGKILL" } as const;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", code],
    limits,
  );
  return stdout;
}

test("no thread is left behind: not after a text, a broken picture, or an abort", async () => {
  const library = new URL("../../lib/ocr.ts", import.meta.url).href;
  const file = fileURLToPath(new URL("../../data/documents/scan.png", import.meta.url));
  const printed = await runProcess(`
    import { readFileSync } from "node:fs";
    import { textOfImage } from ${JSON.stringify(library)};
    const scan = readFileSync(${JSON.stringify(file)});
    const controller = new AbortController();
    const readings = [textOfImage(scan), textOfImage(scan.subarray(0, 60)), textOfImage(scan, controller.signal)];
    controller.abort(new Error("cancelled"));
    const results = await Promise.allSettled(readings);
    const shown = results.map((result) => result.reason?.message ?? result.value.text.length);
    process.stdout.write(JSON.stringify(shown));`);
  expect(JSON.parse(printed)).toEqual([
    expect.any(Number),
    expect.stringContaining("The picture is broken"),
    "cancelled",
  ]);
});

test("where the packages are missing, the error says what to install", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(fileURLToPath(new URL("../../..", import.meta.url)), join(folder, "node_modules", "baton-dag"));
  const copy = join(folder, "ocr.ts");
  copyFileSync(new URL("../../lib/ocr.ts", import.meta.url), copy);
  const printed = await runProcess(`
    import { textOfImage } from ${JSON.stringify(pathToFileURL(copy).href)};
    const error = await textOfImage(Buffer.from("GIF89a")).catch((error) => error);
    process.stdout.write(JSON.stringify({ code: error.code, retryable: error.retryable, message: error.message }));`);
  expect(JSON.parse(printed)).toEqual({
    code: "OCR_MISSING",
    retryable: false,
    message: expect.stringContaining("npm install tesseract.js @tesseract.js-data/eng"),
  });
});
