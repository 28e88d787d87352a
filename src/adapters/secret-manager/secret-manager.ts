import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";
import { GoogleApiError, type GoogleRest } from "../../ports/http.ts";
import { retryInPlaceDelayMs } from "../remote/http-request.ts";

const SecretVersionSchema = z.object({
  payload: z.object({
    data: z.base64(),
    /** An int64, which JSON represents as text. */
    dataCrc32c: z.coerce.number().optional(),
  }),
});

const retryWaitsMs = [200, 1_000];

/**
 * Reads one version of a secret, such as `projects/p/secrets/s/versions/latest`. A trailing line break is removed,
 * because files and `echo` add one. Throws `SECRET_UNAVAILABLE`, which shows nothing of the secret.
 */
export async function accessSecret(rest: GoogleRest, name: string): Promise<string> {
  const bytes = await readWithRetries(rest, name);
  const text = bytes.toString().replace(/\r?\n$/, "");
  if (text === "") throw unavailable(name, "The secret is empty");
  return text;
}

async function readWithRetries(rest: GoogleRest, name: string): Promise<Buffer> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await readOnce(rest, name);
    } catch (error) {
      if (!(error instanceof GoogleApiError)) throw error;
      const backoffMs = isRetryableStatus(error.code) ? retryWaitsMs[tries] : undefined;
      const waitMs = backoffMs && retryInPlaceDelayMs(backoffMs, error.retryAfterSeconds);
      if (waitMs === undefined) throw unavailable(name, error.message, error);
      await sleep(waitMs);
    }
  }
}

async function readOnce(rest: GoogleRest, name: string): Promise<Buffer> {
  const { signal } = new AbortController();
  const path = `/v1/${name}:access`;
  const { payload } = await rest.call({ method: "GET", path, answer: SecretVersionSchema, signal });
  const bytes = Buffer.from(payload.data, "base64");
  if (payload.dataCrc32c !== undefined && payload.dataCrc32c !== crc32c(bytes))
    throw new GoogleApiError(0, "The secret was damaged in transit: its checksum does not match");
  return bytes;
}

function isRetryableStatus(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function unavailable(name: string, message: string, cause?: unknown): BatonError {
  return new BatonError("SECRET_UNAVAILABLE", message, { where: name, cause });
}

/** The Castagnoli polynomial, bits reversed. */
const polynomial = 0x82f63b78;

/** The checksum that Secret Manager sends with a payload. Fast enough without a table: a payload has at most 64 KiB. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
