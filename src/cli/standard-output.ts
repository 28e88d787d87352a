import { writeSync } from "node:fs";
import { codeOf } from "../core/errors.ts";

const lookAgainMs = 5;

/**
 * Writes to the command's own standard output, which user code does not reach: see bin/baton.js. It returns when all is
 * written, so that nothing is lost however the process ends. Throws `EPIPE` when the reader has gone away.
 */
export function writeOutput(descriptor: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.byteLength > 0)
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // Another process that shares the pipe or terminal made it non-blocking, and its reader is slow.
      if (codeOf(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookAgainMs);
    }
}
