import { noFaults } from "./faults.ts";
import { type HttpCall, type HttpReply, serveTestHttp } from "./http-server.ts";

export interface Endpoint {
  readonly url: string;
  readonly port: number;
  /** Every request so far, in the order in which they came. */
  readonly calls: readonly HttpCall[];
  close(): Promise<void>;
}

type Answer = number | HttpReply;

/** An HTTP endpoint that keeps what it is sent, and answers as the test says (default: 204). */
export async function startEndpoint(
  answer: (call: HttpCall, index: number) => Answer | Promise<Answer> = () => 204,
  port = 0,
): Promise<Endpoint> {
  const calls: HttpCall[] = [];
  const server = await serveTestHttp({
    service: "endpoint",
    faults: noFaults,
    port,
    handle: async (call) => {
      const said = await answer(call, calls.push(call) - 1);
      return typeof said === "number" ? { status: said } : said;
    },
  });
  return { url: server.url, port: server.port, calls, close: () => server.close() };
}
