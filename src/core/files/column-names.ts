import { FileProblem } from "./column-values.ts";

/** Characters that names of columns can't have in BigQuery. They become underscores on every engine. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a name may hold them in a file.
const invalidCharacters = /[!"$()*,./;?@[\\\]^`{}~\u0000-\u001f]/g;
const reservedBeginning = /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_)/i;
const longestName = 300;

/** The column that a cell of a header names. Empty if it names none. Throws a `FileProblem`. */
export function toColumnName(cell: string, line: number): string {
  const name = cell.trim().replace(/\s+/g, " ").replace(invalidCharacters, "_");
  if (reservedBeginning.test(name))
    throw new FileProblem(line, `column "${name}" has a name that BigQuery keeps for itself; rename it`);
  if (name.length > longestName)
    throw new FileProblem(
      line,
      `the name of a column has ${name.length} characters, and ${longestName} are the most; ` +
        `it begins with "${name.slice(0, 40)}"`,
    );
  return name;
}
