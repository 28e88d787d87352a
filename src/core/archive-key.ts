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

/** How the columns of a table differ from those that it should have, in any order and case; undefined when they agree. */
export function columnsProblem(existing: readonly string[], expected: readonly string[]): string | undefined {
  const added = without(expected, existing);
  const missing = without(existing, expected);
  const problems = [
    ...(added.length > 0 ? [`not in the table: ${added.join(", ")}`] : []),
    ...(missing.length > 0 ? [`only in the table: ${missing.join(", ")}`] : []),
  ];
  return problems.length > 0 ? problems.join("; ") : undefined;
}

export function without(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => !others.some((other) => other.toLowerCase() === name.toLowerCase()));
}
