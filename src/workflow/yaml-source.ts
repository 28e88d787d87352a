import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { messageOf } from "../core/errors.ts";

interface SyntaxProblem {
  readonly message: string;
  readonly line: number | undefined;
}

/** Text in YAML, or in JSON, which is YAML too: its value, and where each part of it was written. */
export interface YamlSource {
  readonly file: string;
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /** The line of what is at the path; of the nearest thing around it, when there is nothing. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined;
}

export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const line = (offset: number) => lines.linePos(offset).line;
  const syntax = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    message,
    line: line(pos[0]),
  }));
  const { value, problems } =
    syntax.length > 0 ? { value: undefined, problems: syntax } : resolveValue(document);
  const lineOf = (path: readonly PropertyKey[]) => {
    const offset = offsetOf(document, path);
    return offset === undefined ? undefined : line(offset);
  };
  return { file, value, problems, lineOf };
}

/** Aliases are resolved only now, and refused when they would blow up. */
function resolveValue(document: Document): { value: unknown; problems: SyntaxProblem[] } {
  try {
    return { value: document.toJS(), problems: [] };
  } catch (error) {
    return { value: undefined, problems: [{ message: messageOf(error), line: undefined }] };
  }
}

function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    const item = itemOf(node, key);
    if (item === undefined) break;
    const named = isPair(item) ? item.key : item;
    offset = startOf(named) ?? offset;
    node = isPair(item) ? item.value : item;
  }
  return offset ?? startOf(document.contents);
}

function itemOf(node: unknown, key: PropertyKey): unknown {
  if (isSeq(node) && typeof key === "number") return node.items[key];
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function startOf(node: unknown): number | undefined {
  if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) return node.range?.[0];
  return undefined;
}
