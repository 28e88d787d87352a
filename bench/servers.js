// `baton start` as a process, on a folder with workflow files, and posts to it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts a server of the checkout `root` in a folder. Resolves when it serves. */
export async function startServer(root, folder, environment) {
  const child = spawn(process.execPath, [join(root, "bin/baton.js"), "start", "--port", "0", "--json"], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors = `${errors}${chunk}`.slice(-10_000);
  });
  const exited = once(child, "exit");
  const url = await Promise.race([
    urlOf(child),
    exited.then(([code]) => {
      throw new Error(`baton start ended with ${code}: ${errors}`);
    }),
  ]);
  return { pid: child.pid, url, exited, kill: (signal) => child.kill(signal), errors: () => errors };
}

/** The JSON that it prints when it serves is an object on one or more lines. */
async function urlOf(child) {
  let text = "";
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line.endsWith("}")) return JSON.parse(text).url;
  }
  throw new Error("it printed no address");
}

/** Starts a batch. Throws if there is no answer, or if it is not a success. */
export async function postStart(url, message) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(message),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text);
}

/** Runs `work(index)` for each index below `count`, `atOnce` at a time. */
export async function inFlight(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
