const opening = "([{";
const closing = ")]}";

/** Where the string that begins at `from`, with a quote, ends: the place of its other quote. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') {
    if (at >= text.length) throw new Error(`A string does not end: ${text}`);
    if (text[at] === "\\") at += 2;
    else at = text.startsWith("${", at) ? endOfBrackets(text, at + 1) + 1 : at + 1;
  }
  return at;
}

/** Where the bracket that stands at `from` is closed. */
function endOfBrackets(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const sign = text.charAt(at);
    if (sign === '"') at = endOfString(text, at);
    else if (opening.includes(sign)) depth++;
    else if (closing.includes(sign) && --depth === 0) return at;
  }
  throw new Error(`A bracket is not closed: ${text}`);
}

/** Parts of an expression between separators that are in no bracket and no string. */
export function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let begin = 0;
  let at = 0;
  while (at < text.length) {
    const sign = text.charAt(at);
    if (text.startsWith(separator, at)) {
      parts.push(text.slice(begin, at));
      begin = at + separator.length;
      at = begin;
    } else if (sign === '"') at = endOfString(text, at) + 1;
    else at = opening.includes(sign) ? endOfBrackets(text, at) + 1 : at + 1;
  }
  return [...parts, text.slice(begin)].map((part) => part.trim());
}

/** Pieces of a template: text as it stands, and expressions. */
export function piecesOf(template: string): { readonly text?: string; readonly expression?: string }[] {
  const begin = template.indexOf("${");
  if (begin < 0) return [{ text: template }];
  const end = endOfBrackets(template, begin + 1);
  return [
    { text: template.slice(0, begin) },
    { expression: template.slice(begin + 2, end) },
    ...piecesOf(template.slice(end + 1)),
  ];
}
