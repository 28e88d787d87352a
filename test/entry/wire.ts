import { request } from "node:http";
import { connect } from "node:net";

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** One request on a connection of its own, its body sent whole. */
export function send(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | Uint8Array;
    chunked?: boolean;
  },
): Promise<Answer> {
  const { method = "POST", headers = {}, body = "", chunked = false } = options;
  const size = chunked
    ? { "transfer-encoding": "chunked" }
    : { "content-length": `${Buffer.byteLength(body)}` };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...size, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const json = text.startsWith("{") ? JSON.parse(text) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Sends the text as it is and leaves the connection open; resolves to all that came back once it is closed. */
export function sendRaw(
  url: string,
  text: string,
  { readAfterwards = false } = {},
): { readonly answer: Promise<string>; readonly end: () => void } {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let received = "";
  const read = () =>
    socket.on("data", (chunk) => {
      received += chunk.toString();
    });
  const answer = new Promise<string>((resolve) => {
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
  socket.write(text, readAfterwards ? read : undefined);
  if (!readAfterwards) read();
  return { answer, end: () => socket.destroy() };
}
