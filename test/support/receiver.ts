import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";

export interface ReceivedCallback {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly ReceivedCallback[];
}

/** A real HTTP server that takes callbacks; `answer` says with which status. Closed with the test. */
export async function callbackReceiver(
  answer: (callback: ReceivedCallback, index: number) => number | Promise<number> = () => 204,
): Promise<Receiver> {
  const received: ReceivedCallback[] = [];
  const server = createServer(async (request, response) => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const callback = { headers, body: await text(request) };
    received.push(callback);
    response.writeHead(await answer(callback, received.length - 1)).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  // As that of a hook of Slack or Teams, the path is a secret: see `collected-logs.ts`.
  return { url: `http://127.0.0.1:${port}/callbacks/hush-hush`, received };
}
