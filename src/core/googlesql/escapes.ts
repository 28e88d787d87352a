import { Refusal } from "./refusal.ts";
import { quoteText } from "./types.ts";

/** Comments, quoted names, and strings with their prefix. */
const tokens =
  /--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\.|[^`\\])*`|\b((?:[rR][bB]?|[bB][rR]?)?)("""|'''|"|')((?:\\[\s\S]|(?!\2)[^\\])*)\2|(?<!\w)("""|'''|"|')((?:\\[\s\S]|(?!\4)[^\\])*)\4/g;

const escapes = /\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|[\s\S])/g;

const controls: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/**
 * Writes escapes that the parser would leave as they are, such as `\u00e9` and `\101`, as characters, and bytes with
 * escapes as FROM_HEX. Line breaks stay where they are. Throws a `Refusal` for an escape that GoogleSQL does not have.
 */
export function decodeEscapes(text: string): string {
  return text.replace(tokens, (token, prefix = "", mark, body, plainMark, plainBody) => {
    const quote: string | undefined = mark ?? plainMark;
    const inner: string = body ?? plainBody ?? "";
    if (quote === undefined || /r/i.test(prefix)) return token;
    if (/b/i.test(prefix)) return inner.includes("\\") ? bytesCall(inner) : token;
    const decoded = inner.replace(escapes, (written, code: string) => stringEscape(written, code));
    return `${prefix}${quote}${decoded}${quote}`;
  });
}

/** The parser knows the escapes of control characters, quotes, a backslash and `\x41`. */
function stringEscape(written: string, code: string): string {
  if (/^[abfnrtv\\'"]$/.test(code) || code.startsWith("x")) return written;
  const point = codePoint(written, code);
  const character = String.fromCodePoint(point);
  if (point > 127) return character;
  return /[\w ]/.test(character) ? character : `\\x${point.toString(16).padStart(2, "0")}`;
}

function bytesCall(written: string): string {
  if (/[^\0-\x7f]|\\[uU]/.test(written))
    throw new Refusal("b''", "bytes are written as ASCII with escapes such as \\xff");
  const bytes = written.replace(escapes, (written, code: string) =>
    String.fromCharCode(codePoint(written, code)),
  );
  const digits = [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"));
  return `FROM_HEX(${quoteText(digits.join(""))})`;
}

function codePoint(written: string, code: string): number {
  const control = controls[code];
  if (control !== undefined) return control;
  if (/^[\\'"`?]$/.test(code)) return code.charCodeAt(0);
  const [digits, base] = /^[uUxX]./.test(code) ? [code.slice(1), 16] : [code, 8];
  const point = /^[uUxX0-3]/.test(code) ? Number.parseInt(digits, base) : Number.NaN;
  if (Number.isNaN(point) || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
    throw new Refusal(written, "it is no escape of GoogleSQL; write \\\\ for a backslash, or r'…'");
  return point;
}
