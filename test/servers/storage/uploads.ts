import * as z from "zod";
import type { HttpCall } from "../kit/http-server.ts";
import { invalid } from "./answers.ts";
import { type Described, hashesOf } from "./objects.ts";

const text = z.string().optional();
export const DescribedSchema = z.object({
  contentType: text,
  contentEncoding: text,
  contentDisposition: text,
  contentLanguage: text,
  cacheControl: text,
  customTime: text,
  metadata: z.record(z.string(), z.string()).optional(),
});
const UploadedSchema = DescribedSchema.extend({ name: text, md5Hash: text, crc32c: text });

export interface Upload {
  readonly object: string;
  readonly content: Buffer;
  readonly described: Described;
}

/** An upload in one request: the content alone, or a part of JSON and a part of content. */
export function uploadOf(call: HttpCall): Upload {
  const type = call.query.get("uploadType");
  const name = call.query.get("name");
  if (type === "media") {
    const contentType = call.headers["content-type"] ?? "application/octet-stream";
    return { object: name ?? "", content: call.body, described: { contentType } };
  }
  if (type !== "multipart") throw invalid(`uploadType=${type} is left out here`);
  const [json, media] = partsOf(call);
  const uploaded = UploadedSchema.parse(JSON.parse(json.body.toString()));
  const { name: named, md5Hash, crc32c, ...described } = uploaded;
  refuseDamaged(media.body, { md5Hash, crc32c });
  const contentType = described.contentType ?? media.contentType;
  return { object: name ?? named ?? "", content: media.body, described: { ...described, contentType } };
}

function refuseDamaged(content: Buffer, said: { md5Hash: string | undefined; crc32c: string | undefined }) {
  const found = hashesOf(content);
  if (said.md5Hash !== undefined && said.md5Hash !== found.md5Hash)
    throw invalid(
      `Provided MD5 hash "${said.md5Hash}" doesn't match calculated MD5 hash "${found.md5Hash}".`,
    );
  if (said.crc32c !== undefined && said.crc32c !== found.crc32c)
    throw invalid(`Provided CRC32C "${said.crc32c}" doesn't match calculated CRC32C "${found.crc32c}".`);
}

interface Part {
  readonly contentType: string;
  readonly body: Buffer;
}

/** Exactly two parts of `multipart/related`. */
function partsOf({ headers, body }: HttpCall): [Part, Part] {
  const boundary = /boundary="?([^";]+)"?/.exec(headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) throw invalid("Missing multipart boundary");
  const mark = Buffer.from(`--${boundary}`);
  const starts: number[] = [];
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) starts.push(at);
  const [first, second, end] = starts;
  if (first === undefined || second === undefined || end === undefined)
    throw invalid("Multipart must have 2 parts");
  return [
    partOf(body.subarray(first + mark.length, second)),
    partOf(body.subarray(second + mark.length, end)),
  ];
}

/** Line break, headers, empty line, content, line break. */
function partOf(part: Buffer): Part {
  const blank = part.indexOf("\r\n\r\n");
  if (blank < 0) throw invalid("A part has no headers");
  const contentType = /content-type:\s*([^\r\n]+)/i.exec(part.subarray(0, blank).toString())?.[1];
  const end = part.length - (part.subarray(-2).toString() === "\r\n" ? 2 : 0);
  return { contentType: contentType ?? "application/octet-stream", body: part.subarray(blank + 4, end) };
}
