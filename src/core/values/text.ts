import { distance } from "fastest-levenshtein";
import * as z from "zod";
import { limits } from "../limits.ts";

/** A word as a shell takes it, whatever is in it. */
export function quoteForShell(word: string): string {
  return /^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Ids of workflows, tasks and queues: they end up in document ids, message attributes and file names. */
export const NameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9_-]{0,${limits.nameCharacters - 1}}$`),
    "a name is 1–64 letters, digits, `-` or `_`, and begins with a letter or digit",
  );

/** The virtual task that stands for the end of a TaskBatch. `$` keeps it apart from every real name. */
export const END_TASK_ID = "$end";

/** The name that was probably meant: at most a third of it was written otherwise. Undefined when none is so near. */
export function nearestName(written: string, known: Iterable<string>): string | undefined {
  const most = Math.max(1, Math.floor(written.length / 3));
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const name of known) {
    const edits = editsBetween(written.toLowerCase(), name.toLowerCase());
    if (edits <= most && (best === undefined || edits < best.edits)) best = { name, edits };
  }
  return best?.name;
}

/** Two letters in the wrong order are one slip. */
function editsBetween(written: string, name: string): number {
  const edits = distance(written, name);
  const isSwap = edits === 2 && sortedLetters(written) === sortedLetters(name);
  return isSwap ? 1 : edits;
}

function sortedLetters(text: string): string {
  return [...text].sort().join("");
}

/**
 * Baton's own buckets, by the names that documents keep: folders of one bucket of Cloud Storage, or of the data folder.
 */
export const ownBuckets = {
  results: "results",
  reports: "reports",
  deadLetters: "dead-letters",
  definitions: "definitions",
} as const;

/** A text of at most so many characters: what is too long loses its middle, since either end may hold the reason. */
export function truncate(text: string, most: number): string {
  if (text.length <= most) return text;
  const mark = ` … (${text.length - most} characters left out) … `;
  const room = Math.max(0, most - mark.length);
  const head = Math.ceil((room * 2) / 3);
  return `${text.slice(0, head)}${mark}${room > head ? text.slice(head - room) : ""}`.toWellFormed();
}

/**
 * A URL as logs and errors may show it: whom it reaches. Its path and query may be secrets, as those of the hooks of
 * chats are; so may be user and password.
 */
export function redactUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}` : "an address that is not a URL";
}
