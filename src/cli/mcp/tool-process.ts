import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { BatonError } from "../../core/errors/errors.ts";
import { type JsonValue, JsonValueSchema } from "../../core/values/json.ts";

/** What a command has printed. */
export interface ToolOutput {
  readonly json: JsonValue;
  /** What it says to people on standard error. */
  readonly notes: string;
}

/**
 * Runs a command in a process of its own, as its user would: it loads the workflow files as they are now, and code of
 * theirs that ends the process does not end the server. When `signal` is aborted, the command releases its work and
 * ends. When this process dies, so does the command: see bin/baton.js. Throws `INTERNAL` if it prints no JSON.
 */
export async function runTool(words: readonly string[], signal: AbortSignal): Promise<ToolOutput> {
  const [script = ""] = process.argv.slice(1);
  // The same descriptors as those of a command that bin/baton.js launches: 3 is its standard output.
  const child = spawn(process.execPath, [...process.execArgv, script, ...words], {
    stdio: ["ignore", "inherit", "pipe", "pipe", "ipc"],
    env: { ...process.env, BATON_LAUNCHED_BY: String(process.pid) },
  });
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const [, , errors, output] = child.stdio;
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  child.on("close", () => resolve());
  child.on("error", reject);
  try {
    const [printed, notes] = await Promise.all([textOf(output), textOf(errors), ended]);
    return { json: parseOutput(printed, notes), notes: notes.trim() };
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function textOf(stream: unknown): Promise<string> {
  const isReadable = typeof stream === "object" && stream !== null && Symbol.asyncIterator in stream;
  return isReadable ? text(stream as AsyncIterable<Uint8Array>) : "";
}

function parseOutput(printed: string, notes: string): JsonValue {
  try {
    return JsonValueSchema.parse(JSON.parse(printed));
  } catch (cause) {
    const said = notes.trim() === "" ? "nothing" : notes.trim().slice(-500);
    throw new BatonError("INTERNAL", `The command printed no JSON. It said: ${said}`, { cause });
  }
}
