import { createInterface } from "node:readline";
import { start } from "./command.js";

/**
 * Serves data/site while `work` runs, and accepts callbacks that are signed with the secret of a data folder. It prints
 * a line for each callback.
 */
export async function withSampleSite(data, work) {
  const secret = ["--secret-file", `${data}/callback-secret`];
  const parameters = ["scripts/site-server.ts", "--port", "0", ...secret];
  const server = start("node", parameters, { environment: process.env, stdout: "pipe" });
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
  const { value: url, done } = await lines.next();
  if (done) throw new Error("The sample site did not start");
  const printed = printCallbacks(lines);
  try {
    await work(url);
  } finally {
    server.kill("SIGTERM");
    await printed;
  }
}

async function printCallbacks(lines) {
  for await (const line of lines) console.log(`callback: ${line}`);
}
