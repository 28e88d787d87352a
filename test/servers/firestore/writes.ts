import { isDeepStrictEqual } from "node:util";
import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import { checkedFields } from "./checked-values.ts";
import type { StoredDocument } from "./document-set.ts";
import { checkDocumentSize } from "./document-size.ts";
import { failedPrecondition, invalid, notFound, unsupported } from "./errors.ts";
import { fieldAt, parseFieldPath, withField } from "./field-paths.ts";
import { type DocumentName, parseDocumentName } from "./names.ts";
import { type Micros, toMicros, toTimestamp } from "./store-clock.ts";
import { transformed } from "./transforms.ts";
import type { Fields, Precondition, Write, WriteResult } from "./wire.ts";

export interface AppliedWrite {
  readonly after: StoredDocument | undefined;
  readonly result: WriteResult;
}

/** The document that a write is about. Throws INVALID_ARGUMENT when its name is not one. */
export function targetOf(write: Write, database: string): DocumentName {
  const name = write.update ? write.update.name : write.delete;
  if (name === undefined) throw unsupported("a write that is neither an update nor a delete");
  return parseDocumentName(name, database);
}

/** What a write makes of its document. Throws what Firestore answers when it refuses it. */
export function applyWrite(
  write: Write,
  name: DocumentName,
  before: StoredDocument | undefined,
  at: Micros,
): AppliedWrite {
  checkPrecondition(write.currentDocument, name, before);
  if (!write.update) return { after: undefined, result: {} };
  const given = checkedFields(write.update.fields);
  const replaced = write.updateMask
    ? merged(before?.fields ?? {}, given, write.updateMask.fieldPaths ?? [])
    : given;
  const { fields, results } = transformed(replaced, write.updateTransforms ?? [], at);
  checkDocumentSize(name.full, fields);
  const isSame = before !== undefined && isDeepStrictEqual(before.fields, fields);
  const after = isSame ? before : { name, fields, createTime: before?.createTime ?? at, updateTime: at };
  return { after, result: { updateTime: toTimestamp(after.updateTime), transformResults: results } };
}

/** Fields of the mask come from the write, those that it lacks go; all others stay. */
function merged(current: Fields, given: Fields, mask: readonly string[]): Fields {
  let fields = current;
  for (const text of mask) {
    const path = parseFieldPath(text);
    fields = withField(fields, path, fieldAt(given, path));
  }
  return fields;
}

function checkPrecondition(
  precondition: Precondition | undefined,
  name: DocumentName,
  before: StoredDocument | undefined,
): void {
  if (precondition?.exists === false && before) {
    throw new GrpcError(status.ALREADY_EXISTS, `Document already exists: ${name.full}`);
  }
  if (precondition?.exists === true && !before) throw notFound(`No document to update: ${name.full}`);
  if (precondition?.updateTime === undefined) return;
  const required = precondition.updateTime;
  if ((required.nanos ?? 0) % 1_000 !== 0) throw invalid("update_time must be microsecond aligned");
  const stored = before?.updateTime ?? 0;
  if (stored !== toMicros(required)) {
    throw failedPrecondition(
      `the stored version (${stored}) does not match the required base version (${toMicros(required)})`,
    );
  }
}
