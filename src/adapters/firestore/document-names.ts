import { createHash } from "node:crypto";

const prefixCharacters = 8;

/**
 * The id of a document in Firestore. Its hash comes first, so that ids which follow each other are stored far apart: a
 * stretch of neighbouring documents takes no more than some 500 writes a second. The rest is for people, with `/`
 * written `~1` and `~` written `~0`.
 */
export function documentId(id: string): string {
  const hash = createHash("sha256").update(id).digest("hex").slice(0, prefixCharacters);
  return `${hash}.${id.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The id that a document's id in Firestore was made from. */
export function originalId(documentId: string): string {
  return documentId
    .slice(prefixCharacters + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}
