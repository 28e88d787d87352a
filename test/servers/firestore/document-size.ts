import { invalid } from "./errors.ts";
import { relativePath } from "./names.ts";
import type { Fields, Value, Write } from "./wire.ts";

const maxDocumentBytes = 1_048_576;
const maxRequestBytes = 10 * 1_048_576;

/** By the published rules of "storage size calculations". */
function documentBytes(name: string, fields: Fields): number {
  return nameBytes(name) + fieldsBytes(fields) + 32;
}

/** Throws INVALID_ARGUMENT for a document of more than 1 MiB. */
export function checkDocumentSize(name: string, fields: Fields): void {
  const bytes = documentBytes(name, fields);
  if (bytes <= maxDocumentBytes) return;
  const size = `its size (${bytes.toLocaleString("en")} bytes)`;
  throw invalid(
    `Document '${name}' cannot be written because ${size} exceeds the maximum allowed size of 1,048,576 bytes.`,
  );
}

/** Throws INVALID_ARGUMENT for a request of more than 10 MiB, as far as the decoded writes show. */
export function checkRequestSize(writes: readonly Write[]): void {
  let bytes = 0;
  for (const { update, delete: deleted = "" } of writes) {
    bytes += (update?.name ?? deleted).length + fieldsBytes(update?.fields ?? {});
  }
  if (bytes > maxRequestBytes) {
    throw invalid(`Request payload size exceeds the limit: ${maxRequestBytes} bytes.`);
  }
}

function nameBytes(name: string): number {
  let bytes = 16;
  for (const segment of relativePath(name).split("/")) bytes += textBytes(segment);
  return bytes;
}

function fieldsBytes(fields: Fields): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(fields)) bytes += textBytes(name) + valueBytes(value);
  return bytes;
}

function valueBytes(value: Value): number {
  if (value.stringValue !== undefined) return textBytes(value.stringValue);
  if (value.bytesValue !== undefined) return value.bytesValue.length;
  if (value.mapValue !== undefined) return fieldsBytes(value.mapValue.fields ?? {}) + 32;
  if (value.arrayValue !== undefined) {
    return (value.arrayValue.values ?? []).reduce((sum, inner) => sum + valueBytes(inner), 0);
  }
  if (value.referenceValue !== undefined) return nameBytes(value.referenceValue);
  if (value.geoPointValue !== undefined) return 16;
  return value.nullValue !== undefined || value.booleanValue !== undefined ? 1 : 8;
}

function textBytes(text: string): number {
  return Buffer.byteLength(text) + 1;
}
