import type * as z from "zod";
import type { HttpCall, HttpReply } from "../kit/http-server.ts";
import type { InsertSchema } from "./jobs.ts";
import { BigQueryProblem, notFound } from "./problems.ts";

type Request = z.infer<typeof InsertSchema>;
type Insert = (request: Request, content: Uint8Array) => unknown;

interface Session {
  readonly request: Request;
  content: Buffer;
  /** What the last piece was answered with. */
  job: unknown;
}

const unit = 256 * 1024;

/** Resumable uploads: https://cloud.google.com/bigquery/docs/reference/api-uploads */
export class Uploads {
  readonly #sessions = new Map<string, Session>();

  begin(request: Request): string {
    if (!request.configuration.load)
      throw new BigQueryProblem(400, "invalid", "Only load jobs have a content");
    const id = `upload_${this.#sessions.size}`;
    this.#sessions.set(id, { request, content: Buffer.alloc(0), job: undefined });
    return id;
  }

  receive(id: string, { method, headers, body }: HttpCall, insert: Insert): HttpReply {
    const session = this.#sessions.get(id);
    if (!session || method !== "PUT") throw notFound(`Upload ${id}`);
    if (session.job !== undefined) return { status: 200, body: session.job };
    const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
    if (!range) throw new BigQueryProblem(400, "badRequest", "Invalid Content-Range");
    const [, from, to, total] = range;
    if (from !== undefined) append(session, Number(from), Number(to), body, total === "*");
    if (total === String(session.content.length)) {
      session.job = insert(session.request, session.content);
      return { status: 200, body: session.job };
    }
    const { length } = session.content;
    return { status: 308, headers: length === 0 ? {} : { range: `bytes=0-${length - 1}` } };
  }
}

function append(session: Session, from: number, to: number, body: Buffer, isMore: boolean): void {
  if (body.length !== to - from + 1 || (isMore && body.length % unit !== 0))
    throw new BigQueryProblem(400, "badRequest", `A piece of ${body.length} bytes is no multiple of ${unit}`);
  const { length } = session.content;
  if (from > length) throw new BigQueryProblem(400, "badRequest", `Byte ${length} is expected, not ${from}`);
  // The same piece may come twice.
  session.content = Buffer.concat([session.content, body.subarray(length - from)]);
}
