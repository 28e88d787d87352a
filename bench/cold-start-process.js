import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Milliseconds from the start of a process until it has answered the request, which is sent as soon as it listens; without
 * a request, until it has ended by itself. Throws unless the answer is 200.
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
  if (!request) {
    await exit;
    return performance.now() - began;
  }
  const { status, text } = await answerOf(child, { ...request, port });
  const took = performance.now() - began;
  child.kill("SIGKILL");
  await exit;
  if (status !== 200) throw new Error(`It answered ${status} ${text}\n${output}`);
  return took;
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

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
