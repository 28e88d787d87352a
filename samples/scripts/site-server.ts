// Serves data/site on 127.0.0.1 and takes Baton's callbacks at /callbacks. Its first line is its address; it ends on
// SIGTERM. Run: node scripts/site-server.ts --port 8090 --secret-file .baton/callback-secret
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { CallbackReceiver } from "./site-server/callback-receiver.ts";
import { siteFile } from "./site-server/site-file.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8090" },
    "secret-file": { type: "string" },
  },
});
const mostBodyBytes = 1_048_576;
const receiver = new CallbackReceiver({
  secret: process.env.BATON_CALLBACK_SECRET,
  secretFile: values["secret-file"],
});

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${request.method} ${request.url}: ${String(error)}\n`);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
});

server.listen(Number(values.port), "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
for (const signal of ["SIGTERM", "SIGINT"])
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://site");
  if (pathname === "/callbacks" && request.method === "POST") return await takeCallback(request, response);
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "text/plain", "");
  if (pathname === "/callbacks")
    return send(response, 200, "application/json", JSON.stringify(receiver.received));
  const file = await siteFile(pathname);
  if (file) send(response, 200, file.contentType, file.bytes);
  else send(response, 404, "text/plain", "There is no such page\n");
}

async function takeCallback(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > mostBodyBytes) return send(response, 413, "text/plain", "");
    chunks.push(chunk);
  }
  const result = await receiver.take(Buffer.concat(chunks).toString(), request.headers);
  process.stdout.write(`${result.line}\n`);
  if (result.accepted) response.writeHead(204).end();
  else send(response, 401, "text/plain", `${result.line}\n`);
}

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Uint8Array,
): void {
  response.writeHead(status, { "content-type": contentType });
  response.end(body);
}
