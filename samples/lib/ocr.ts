import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { TaskError } from "baton-dag";

export interface ImageText {
  readonly text: string;
  /** How sure the reader is of it, 0 to 100. */
  readonly confidence: number;
}

type Reader = import("tesseract.js").Worker;

const languagePackage = "@tesseract.js-data/eng";

const install = `OCR is optional and not installed. Run: npm install tesseract.js ${languagePackage}`;

/** How the files begin that the reader can open. */
const signatures = ["\x89PNG", "\xff\xd8\xff", "GIF8", "BM", "RIFF", "II*\0", "MM\0*"];

/**
 * Reads English text in a PNG, JPEG, GIF, BMP, WebP or TIFF, in a thread of its own, which ends with the call, and
 * without the network. Takes some 100 MB of memory while it lasts. Throws a TaskError that is not worth a retry:
 * `OCR_MISSING` when the optional packages are not installed, `IMAGE_UNREADABLE` when the bytes are no whole picture;
 * and one that is, `OCR_FAILED`, when the reader itself broke. Once `signal` is aborted it throws its reason.
 */
export async function textOfImage(bytes: Uint8Array, signal?: AbortSignal): Promise<ImageText> {
  const start = Buffer.from(bytes.subarray(0, 8)).toString("latin1");
  if (!signatures.some((signature) => start.startsWith(signature)))
    throw new TaskError("The bytes are no PNG, JPEG, GIF, BMP, WebP or TIFF", unreadable);
  const languageFolder = await findLanguage();
  signal?.throwIfAborted();
  const over = new AbortController();
  const cancelled = aborted(signal, over.signal);
  const starting = startReader(languageFolder);
  try {
    const reader = await Promise.race([starting, cancelled]);
    return await Promise.race([read(reader, bytes), broken(reader), cancelled]);
  } finally {
    over.abort();
    // Also a reader that was not needed any more when it came.
    starting.then(
      (reader) => reader.terminate(),
      () => undefined,
    );
  }
}

const unreadable = { code: "IMAGE_UNREADABLE", retryable: false };

/** The folder of the language's data, so that none is fetched from the network. */
async function findLanguage(): Promise<string> {
  const require = createRequire(import.meta.url);
  const file = await ifInstalled(() => require.resolve(`${languagePackage}/package.json`));
  const folder = join(dirname(file), "4.0.0_best_int");
  // A reader that can't find its data would wait for ever.
  await access(join(folder, "eng.traineddata.gz"));
  return folder;
}

async function startReader(langPath: string): Promise<Reader> {
  // Only a process that meets a picture pays for the reader.
  const { createWorker } = await ifInstalled(() => import("tesseract.js"));
  return await new Promise<Reader>((resolve, reject) => {
    // Without a handler of its own, the reader throws what goes wrong in its thread where nothing can catch it.
    const errorHandler = (error: unknown): void => reject(failure(error));
    const options = { langPath, gzip: true, cacheMethod: "none", errorHandler };
    createWorker("eng", 1, options).then(resolve, errorHandler);
  });
}

async function read(reader: Reader, bytes: Uint8Array): Promise<ImageText> {
  try {
    const { data } = await reader.recognize(Buffer.from(bytes));
    return { text: data.text.trim(), confidence: data.confidence };
  } catch (error) {
    // What the reader itself can't do, it does not report but dies of: see `broken`.
    const message = `The picture is broken, incomplete or too large: ${reasonOf(error)}`;
    throw new TaskError(message, { ...unreadable, cause: error });
  }
}

/** Fails when the thread dies by itself, which the reader does not notice: it would wait for ever. */
function broken(reader: Reader): Promise<never> {
  return new Promise((_, reject) => {
    if (!("worker" in reader) || !(reader.worker instanceof Worker)) return;
    reader.worker.once("error", (error) => reject(failure(error)));
    reader.worker.once("exit", (code) => reject(failure(`its thread ended with code ${code}`)));
  });
}

function aborted(signal: AbortSignal | undefined, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { signal: over });
  });
}

function failure(error: unknown): TaskError {
  const message = `The text of the picture could not be read: ${reasonOf(error)}`;
  return new TaskError(message, { code: "OCR_FAILED", cause: error });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function ifInstalled<T>(load: () => T | Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw error;
    throw new TaskError(install, { code: "OCR_MISSING", retryable: false, cause: error });
  }
}
