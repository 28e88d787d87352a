import { distance } from "fastest-levenshtein";
import * as z from "zod";
import { limits } from "../limits.ts";

/** Quotes a word for a POSIX shell if necessary. */
export function quoteForShell(word: string): string {
  return /^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Ids of workflows, tasks and queues. They become parts of document ids, message attributes and file names. */
export const NameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9_-]{0,${limits.nameCharacters - 1}}$`),
    "a name is 1–64 letters, digits, `-` or `_`, and begins with a letter or digit",
  );

/** The candidate most similar to a mistyped name. Undefined if all differ by more than a third of its letters. */
export function nearestName(typed: string, candidates: Iterable<string>): string | undefined {
  const most = Math.max(1, Math.floor(typed.length / 3));
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const name of candidates) {
    const edits = editsBetween(typed.toLowerCase(), name.toLowerCase());
    if (edits <= most && (best === undefined || edits < best.edits)) best = { name, edits };
  }
  return best?.name;
}

/** Two swapped letters count as one edit. */
function editsBetween(typed: string, name: string): number {
  const edits = distance(typed, name);
  const isSwap = edits === 2 && sortedLetters(typed) === sortedLetters(name);
  return isSwap ? 1 : edits;
}

function sortedLetters(text: string): string {
  return [...text].sort().join("");
}

/** Cuts a text to `most` characters by removing its middle, since either end may hold the reason of an error. */
export function truncate(text: string, most: number): string {
  if (text.length <= most) return text;
  const mark = ` … (${text.length - most} characters left out) … `;
  const room = Math.max(0, most - mark.length);
  const head = Math.ceil((room * 2) / 3);
  return `${text.slice(0, head)}${mark}${room > head ? text.slice(head - room) : ""}`.toWellFormed();
}

/**
 * The part of a URL that logs and errors may show: protocol and host. User, password, path and query may be secrets, as
 * in the webhooks of chats.
 */
export function redactUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}` : "an address that is not a URL";
}

/**
 * Whether a host header names this machine. A page of another site can make its own name lead here (DNS rebinding), but
 * its requests still name that site as their host.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = hostnameOf(host);
  return name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** The name in a host header, without the port. Empty for anything else than a name. */
export function hostnameOf(host: string | undefined): string {
  if (host === undefined || !/^[\w.:[\]-]+$/.test(host)) return "";
  return URL.parse(`http://${host}`)?.hostname ?? "";
}

/** How the columns of a table differ from the expected ones, in any order and case. Undefined if they agree. */
export function columnsProblem(existing: readonly string[], expected: readonly string[]): string | undefined {
  const missing = namesMissingFrom(expected, existing);
  const extra = namesMissingFrom(existing, expected);
  const problems = [
    ...(missing.length > 0 ? [`not in the table: ${missing.join(", ")}`] : []),
    ...(extra.length > 0 ? [`only in the table: ${extra.join(", ")}`] : []),
  ];
  return problems.length > 0 ? problems.join("; ") : undefined;
}

/** The names that are not among the others, ignoring case. */
export function namesMissingFrom(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => !others.some((other) => other.toLowerCase() === name.toLowerCase()));
}
