import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { describeChange, isExactNumber } from "../core/values/json-text.ts";

interface SyntaxProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly line: number | undefined;
}

/** A text in YAML, or in JSON, which is YAML too: its value, and the place of each part. */
export interface YamlSource {
  readonly file: string;
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /** The line of the value at the path, or of the nearest value around it. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined;
}

export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const line = (offset: number) => lines.linePos(offset).line;
  const syntax = [...document.errors, ...document.warnings].map(({ message, pos }) =>
    problem(message, line(pos[0])),
  );
  const changed = changedNumbers(document).map(
    ({ source = "", range }): SyntaxProblem => ({
      code: "NUMBER_NOT_EXACT",
      message: `${describeChange(source)}; write it as a string, in quotes`,
      line: range ? line(range[0]) : undefined,
    }),
  );
  const found = [...syntax, ...changed];
  const { value, problems } =
    found.length > 0 ? { value: undefined, problems: found } : resolveValue(document);
  const lineOf = (path: readonly PropertyKey[]) => {
    const offset = offsetOf(document, path);
    return offset === undefined ? undefined : line(offset);
  };
  return { file, value, problems, lineOf };
}

/**
 * Resolves aliases, of which each task may use one of a list of parents, and refuses those that would expand further.
 */
function resolveValue(document: Document): { value: unknown; problems: SyntaxProblem[] } {
  try {
    return { value: document.toJS({ maxAliasCount: limits.tasksPerWorkflow }), problems: [] };
  } catch (error) {
    return { value: undefined, problems: [problem(errorMessage(error), undefined)] };
  }
}

function problem(message: string, line: number | undefined): SyntaxProblem {
  return { code: "WORKFLOW_INVALID", message, line };
}

/** Numbers that JavaScript can't hold exactly as written, also in keys. */
function changedNumbers(document: Document): Scalar[] {
  const found: Scalar[] = [];
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "number" && !isWrittenExactly(node)) found.push(node);
    },
  });
  return found;
}

/** The schema of the workflow refuses infinity and NaN. */
function isWrittenExactly({ value, source = "" }: Scalar): boolean {
  if (typeof value !== "number" || /^[-+]?\.[a-z]/i.test(source)) return true;
  if (/^0[xo]/.test(source)) return Number.isSafeInteger(value);
  return isExactNumber(source.replace(/^\+/, ""));
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
