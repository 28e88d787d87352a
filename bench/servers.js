// `baton start` as a process, on a folder with workflow files, and posts to it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
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

/** Connections without a request, by address. */
const idle = new Map();

/**
 * Starts a batch. Throws if there is no answer, or if it is not a success. Written on sockets: with `fetch` or
 * `node:http` a request takes as much processor time here as in the server.
 */
export async function postStart(url, message) {
  const { host, hostname, port, pathname } = new URL(url);
  const free = idle.get(host) ?? [];
  idle.set(host, free);
  const connection = free.pop() ?? openConnection(hostname, Number(port));
  const body = JSON.stringify(message);
  const { status, text } = await connection.send(
    `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  if (!connection.isClosed()) free.push(connection);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return JSON.parse(text);
}

function openConnection(host, port) {
  const socket = connect({ host, port, noDelay: true }).setEncoding("latin1");
  let received = "";
  let waiting;
  let failure;
  socket.on("data", (chunk) => {
    received += chunk;
    const answer = parseAnswer(received);
    if (!answer) return;
    received = "";
    waiting.resolve(answer);
  });
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => {
    failure ??= new Error("the connection was closed");
    waiting?.reject(failure);
  });
  return {
    isClosed: () => failure !== undefined,
    send(text) {
      waiting = Promise.withResolvers();
      if (failure) waiting.reject(failure);
      else socket.write(text);
      return waiting.promise;
    },
  };
}

/** Undefined: there is more to come. */
function parseAnswer(received) {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = received.slice(0, headEnd);
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
  const text = received.slice(headEnd + 4);
  return text.length < length ? undefined : { status: Number(head.slice(9, 12)), text };
}

/** Runs `work(index)` for each index below `count`, `atOnce` at a time. */
export async function inFlight(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
