/** A CSV reader that knows nothing of DuckDB, to check its numbers by. Its cells hold no line breaks. */
export function readCsv(text: string): readonly Readonly<Record<string, string>>[] {
  const [header = [], ...rows] = text.trimEnd().split("\n").map(cellsOf);
  return rows.map((cells) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ""])));
}

function cellsOf(line: string): readonly string[] {
  const cells: string[] = [""];
  let quoted = false;
  for (const part of line.split(/(""|"|,)/)) {
    if (part === '"') quoted = !quoted;
    else if (part === "," && !quoted) cells.push("");
    else cells.push((cells.pop() ?? "") + (part === '""' ? '"' : part));
  }
  return cells;
}
