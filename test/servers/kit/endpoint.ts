import { noFaults } from "./faults.ts";
import { type HttpCall, serveTestHttp } from "./http-server.ts";

export interface Endpoint {
  readonly url: string;
  readonly port: number;
  /** Every request so far, in the order in which they came. */
  readonly calls: readonly HttpCall[];
  close(): Promise<void>;
}

/** Somebody's HTTP endpoint: keeps what it is sent, and answers with the status that it is told to (default 204). */
export async function startEndpoint(
  answer: (call: HttpCall, index: number) => number | Promise<number> = () => 204,
  port = 0,
): Promise<Endpoint> {
  const calls: HttpCall[] = [];
  const server = await serveTestHttp({
    service: "endpoint",
    faults: noFaults,
    port,
    handle: async (call) => ({ status: await answer(call, calls.push(call) - 1) }),
  });
  return { url: server.url, port: server.port, calls, close: () => server.close() };
}
