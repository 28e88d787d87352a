import type { IncomingMessage } from "node:http";

/** All bytes of a request, as sent. Rejects when the sender goes away before the end. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
