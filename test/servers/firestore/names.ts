import { invalid } from "./errors.ts";

/** Where a document is, in the parts of its full name. */
export interface DocumentName {
  /** `projects/p/databases/d/documents/batches/b1`. */
  readonly full: string;
  /** `projects/p/databases/d`. */
  readonly database: string;
  /** `projects/p/databases/d/documents/batches`. */
  readonly collection: string;
  /** `batches`: what indexes are declared for. */
  readonly collectionGroup: string;
  /** `b1`. */
  readonly id: string;
}

const maxSegmentBytes = 1_500;
const maxNameBytes = 6 * 1_024;
const shape = /^(projects\/[^/]+\/databases\/[^/]+)\/documents\/(.+)$/s;

/** Throws INVALID_ARGUMENT for a name that Firestore would refuse. */
export function parseDocumentName(full: string, database: string): DocumentName {
  const match = shape.exec(full);
  const path = match?.[2];
  if (path === undefined)
    throw invalid(`Document name "${full}" lacks "projects", "databases" or "documents"`);
  if (match?.[1] !== database) throw invalid(`Document name "${full}" is not in the database "${database}"`);
  const segments = path.split("/");
  if (segments.length % 2 === 1) throw invalid(`Document name "${full}" has an odd number of segments`);
  for (const segment of segments) checkSegment(segment, full);
  if (Buffer.byteLength(full) > maxNameBytes) throw invalid(`Document name "${full}" is longer than 6 KiB`);
  const id = segments.at(-1) ?? "";
  return {
    full,
    database,
    collection: full.slice(0, full.length - id.length - 1),
    collectionGroup: segments.at(-2) ?? "",
    id,
  };
}

function checkSegment(segment: string, full: string): void {
  if (segment === "") throw invalid(`Document name "${full}" has an empty segment`);
  if (segment === "." || segment === "..")
    throw invalid(`Document name "${full}" has the segment "${segment}"`);
  if (/^__.*__$/s.test(segment)) {
    throw invalid(`Resource id "${segment}" is invalid because it is reserved: "${full}"`);
  }
  if (segment.length * 3 > maxSegmentBytes && Buffer.byteLength(segment) > maxSegmentBytes) {
    throw invalid(`Resource id of "${full}" is longer than 1500 bytes`);
  }
}

/** The database of a query's parent: a database's documents, or one document. */
export function databaseOf(parent: string): string {
  const database = /^(projects\/[^/]+\/databases\/[^/]+)\/documents(\/|$)/.exec(parent)?.[1];
  if (database === undefined) throw invalid(`"${parent}" is no parent of collections`);
  return database;
}

/** The path within its database: `batches/b1`. */
export function relativePath(full: string): string {
  return full.slice(full.indexOf("/documents/") + "/documents/".length);
}
