import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Expression,
  isBinaryExpression,
  isExpression,
  isExpressionStatement,
  isForStatement,
  isIfStatement,
  isPropertyAssignment,
  isReturnStatement,
  isVariableStatement,
  isWhileStatement,
  type Node,
  type SourceFile,
  type Statement,
  SyntaxKind,
} from "typescript/unstable/ast";
import { API, type Project } from "typescript/unstable/sync";
import type { Change, Mutant } from "./mutants.ts";

/** A source file with the change of one mutant in it. */
export interface BrokenSource {
  readonly file: string;
  readonly source: string;
}

/** Where a mark stands: the statement, property, element or operand below its comment line. */
interface Place {
  readonly file: string;
  readonly source: string;
  readonly node: Node;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const markLine = /^[ \t]*\/\/ mutation: (?<name>[a-z0-9-]+)\n[ \t]*/gm;

/** The marked places of `src`, by the name of their mark. */
export function findMarks(): ReadonlyMap<string, readonly Place[]> {
  const marked = sourceFiles().filter(({ source }) => source.search(markLine) >= 0);
  const places = new Map<string, Place[]>();
  withProject(new Map(marked.map(({ file, source }) => [file, source])), ({ program }) => {
    for (const { file, source } of marked)
      for (const match of source.matchAll(markLine)) {
        const name = match.groups?.name ?? "";
        const tree = program.getSourceFile(file);
        const node = tree && nodeAt(tree, match.index + match[0].length);
        if (!node)
          throw new Error(`${file}: no statement, property or element starts below the mark ${name}`);
        places.set(name, [...(places.get(name) ?? []), { file, source, node }]);
      }
  });
  return places;
}

/** The source with a mutant in it. Throws when its mark does not exist exactly once. */
export function breakSource(mutant: Mutant, marks = findMarks()): BrokenSource {
  const [place, ...others] = marks.get(mutant.mark) ?? [];
  if (!place || others.length > 0)
    throw new Error(
      `The mark ${mutant.mark} exists ${place ? others.length + 1 : 0} times below src, not once`,
    );
  const { file, source } = place;
  const { start, end, code } = editOf(place, mutant.change);
  return { file, source: source.slice(0, start) + code + source.slice(end) };
}

/**
 * Problems of syntax and type in broken sources, by their position in the list. Each is checked as a file of its own
 * beside the sound ones. What a mutant leaves unused or unreachable is no problem.
 */
export function problemsOf(broken: readonly BrokenSource[]): ReadonlyMap<number, readonly string[]> {
  const files = broken.map(({ file }, index) => join(dirname(file), `mutant-${index}-${basename(file)}`));
  const problems = new Map<number, string[]>();
  withProject(new Map(broken.map(({ source }, index) => [files[index] ?? "", source])), ({ program }) => {
    for (const [index, file] of files.entries()) {
      const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      const texts = found.filter(({ code }) => !unusedCodes.has(code)).map(({ text }) => text);
      if (texts.length > 0) problems.set(index, texts);
    }
  });
  return problems;
}

/** "… is declared but never used", of names, imports and whole declarations. */
const unusedCodes: ReadonlySet<number> = new Set([6133, 6138, 6192, 6196, 6198, 6199]);

function sourceFiles(): BrokenSource[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(root, "src", name))
    .map((file) => ({ file, source: readFileSync(file, "utf8") }));
}

/** Opens a project of these files, which need not exist on disk, with the compiler options of Baton. */
function withProject(sources: ReadonlyMap<string, string>, use: (project: Project) => void): void {
  const config = join(root, "tsconfig.mutants.json");
  const files = new Map(sources).set(
    config,
    JSON.stringify({ extends: "./tsconfig.json", include: [], files: [...sources.keys()] }),
  );
  const api = new API({
    cwd: root,
    fs: { readFile: (file) => files.get(file), fileExists: (file) => files.has(file) || undefined },
  });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [config] });
    const project = snapshot.getProject(config);
    if (!project) throw new Error(`TypeScript did not open the project ${config}`);
    use(project);
    snapshot.dispose();
  } finally {
    api.close();
  }
}

/** The outermost node that starts there. */
function nodeAt(tree: SourceFile, position: number): Node | undefined {
  const visit = (node: Node): Node | undefined => {
    if (position < node.pos || position >= node.end) return undefined;
    return node.getStart(tree) === position ? node : node.forEachChild(visit);
  };
  return tree.forEachChild(visit);
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly code: string;
}

function editOf({ source, node }: Place, change: Change): Edit {
  switch (change.kind) {
    case "remove": {
      const comma = /^,/.exec(source.slice(node.end))?.[0].length ?? 0;
      return { start: node.getStart(), end: node.end + comma, code: "" };
    }
    case "before":
      return { start: node.getStart(), end: node.getStart(), code: `${change.code} ` };
    case "value": {
      const value = valueIn(node);
      const start = value.getStart();
      const present = `(${source.slice(start, value.end)})`;
      return { start, end: value.end, code: change.code.replaceAll("$", () => present) };
    }
    case "body": {
      const body = bodyOf(node);
      return { start: body.getStart(), end: body.end, code: change.code };
    }
  }
}

/** The expression that a node is about: a condition, what is returned, assigned or called. */
function valueIn(node: Node): Expression {
  const value = expressionIn(node);
  if (!value) throw new Error(`There is no value to change in: ${node.getText()}`);
  return value;
}

function expressionIn(node: Node): Expression | undefined {
  if (isIfStatement(node) || isWhileStatement(node) || isReturnStatement(node)) return node.expression;
  if (isForStatement(node)) return node.condition;
  if (isVariableStatement(node)) return node.declarationList.declarations[0]?.initializer;
  if (isPropertyAssignment(node)) return node.initializer;
  if (isExpressionStatement(node)) return assignedIn(node.expression) ?? node.expression;
  return isExpression(node) ? node : undefined;
}

function assignedIn(expression: Expression): Expression | undefined {
  const isAssignment =
    isBinaryExpression(expression) && expression.operatorToken.kind === SyntaxKind.EqualsToken;
  return isAssignment ? expression.right : undefined;
}

/** The statement that runs if a condition holds. */
function bodyOf(node: Node): Statement {
  if (!isIfStatement(node)) throw new Error(`This is not an if statement: ${node.getText()}`);
  return node.thenStatement;
}
