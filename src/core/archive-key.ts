/** Columns of a table of archived callbacks, behind those of the key and in their order. */
export const archiveColumns = [
  "status",
  "callback_payload",
  "created_at",
  "updated_at",
  "event_id",
  "url",
] as const;

export type ArchiveColumn = (typeof archiveColumns)[number];

/** Letter case does not tell columns apart in a warehouse. */
export function isArchiveColumn(name: string): boolean {
  return archiveColumns.some((column) => column === name.toLowerCase());
}

/** Why callbacks can't be archived by this key, whose fields become columns; undefined when they can. */
export function archiveKeyProblem(key: readonly string[]): string | undefined {
  if (key.length === 0) return "A callback is archived by a key of one field or more";
  const lowercase = key.map((name) => name.toLowerCase());
  const wrong = key.filter(
    (name, index) => name === "" || isArchiveColumn(name) || lowercase.indexOf(name.toLowerCase()) < index,
  );
  return wrong.length > 0 ? `Fields of a callback's key can't be columns: ${wrong.join(", ")}` : undefined;
}
