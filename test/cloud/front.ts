import { createServer, request } from "node:http";

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

/** A proxy for several processes of the function, as Cloud Run is for its instances. Each sender's requests rotate. */
export async function startFront(port: number, backends: readonly number[]): Promise<Front> {
  const turns = new Map<string | undefined, number>();
  const server = createServer((incoming, answer) => {
    const sender = incoming.headers["user-agent"];
    const turn = turns.get(sender) ?? 0;
    turns.set(sender, turn + 1);
    const backend = request({
      host: "127.0.0.1",
      port: backends[turn % backends.length],
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    });
    backend.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    // The instance died, or has not started yet: the sender repeats the request.
    backend.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(503).end();
    });
    incoming.pipe(backend);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
