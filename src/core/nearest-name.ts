import { distance } from "fastest-levenshtein";

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
  const isSwap = edits === 2 && lettersOf(written) === lettersOf(name);
  return isSwap ? 1 : edits;
}

function lettersOf(text: string): string {
  return [...text].sort().join("");
}
