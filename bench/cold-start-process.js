import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Milliseconds from the start of a process until it has answered the request, which is sent as soon as it listens, and
 * how many of processor time it has used until then. Throws unless the answer is 200.
 */
export async function coldProcess({ arguments: argv, cwd, environment }, request) {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(process.execPath, argv, {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: "production",
      PORT: String(port),
      ...environment,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const exit = once(child, "exit");
  const { status, text } = await answerOf(child, { port, ...request });
  const took = performance.now() - began;
  const used = processorTime(child.pid);
  child.kill("SIGKILL");
  await exit;
  if (status !== 200) throw new Error(`It answered ${status} ${text}\n${output}`);
  return { took, used };
}

/** User and system time in milliseconds, as Linux counts them: by hundredths of a second. Elsewhere it is not known. */
function processorTime(pid) {
  if (process.platform !== "linux") return Number.NaN;
  // The name of the program, in brackets, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function answerOf(child, request) {
  for (;;) {
    try {
      return await send(request);
    } catch (error) {
      if (error.code !== "ECONNREFUSED" || child.exitCode !== null) throw error;
      await sleep(2);
    }
  }
}

async function send({ body, ...request }) {
  const headers = { ...request.headers, "content-length": body?.length ?? 0 };
  const sent = http.request({ ...request, host: "127.0.0.1", headers, agent: false }).end(body);
  const [response] = await once(sent, "response");
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode, text };
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
