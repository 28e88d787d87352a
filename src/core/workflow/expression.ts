/**
 * Expressions in CEL, the Common Expression Language (https://cel.dev): conditions of workflows written as data. The
 * library is loaded by the first expression. Its regular expressions are RE2, which match in linear time.
 */
import type { CelFunc, CelInput } from "@bufbuild/cel";
import { BatonError, errorMessage } from "../errors/errors.ts";
import { limits } from "../limits.ts";
import type { JsonValue } from "../values/json.ts";
import { RecentMap } from "../values/recent-map.ts";

type Library = typeof import("@bufbuild/cel");
type ParsedExpression = ReturnType<Library["parse"]>;
type Node = NonNullable<ParsedExpression["expr"]>;
type Call = Extract<Node["exprKind"], { case: "callExpr" }>["value"];
type Loop = Extract<Node["exprKind"], { case: "comprehensionExpr" }>["value"];

/** A value that the expression reads: `parents.load.rows`. */
export interface ExpressionPath {
  readonly root: string;
  readonly path: readonly string[];
  /** `has(input.note)` asks whether the field is there, so it may be missing. */
  readonly isOptional: boolean;
}

/** What can be known of an expression before it is evaluated. */
interface ExpressionShape {
  readonly paths: readonly ExpressionPath[];
  /** Functions that it calls and CEL does not have. */
  readonly unknownFunctions: readonly string[];
  /** How often a value may be visited: 1 without loops, 2 for a loop, one more for each loop inside another. */
  readonly loops: number;
}

export interface Expression extends ExpressionShape {
  readonly text: string;
  /**
   * The value for these variables, which are JSON. Its numbers are doubles, and whole numbers may be mixed with them.
   * Throws `EXPRESSION_FAILED`, `EXPRESSION_TOO_COSTLY`.
   */
  evaluate(variables: Readonly<Record<string, JsonValue>>): unknown;
}

let loading: Promise<(text: string) => Expression> | undefined;

/** Reads expressions. Throws, when it is called, `EXPRESSION_INVALID`. */
export function expressionReader(): Promise<(text: string) => Expression> {
  loading ??= loadReader();
  return loading;
}

async function loadReader(): Promise<(text: string) => Expression> {
  const [library, { strings }] = await Promise.all([import("@bufbuild/cel"), import("@bufbuild/cel/ext")]);
  const environment = library.celEnv({ funcs: [...mixedArithmetic(library), ...strings] });
  const isKnown = (name: string) => environment.funcs.find(name) !== undefined || operators.test(name);
  const read = (text: string): Expression => {
    const parsed = parse(library, text);
    const shape = shapeOf(parsed.expr, isKnown);
    const evaluate = library.plan(environment, parsed);
    return {
      ...shape,
      text,
      evaluate(variables) {
        assertCost(text, shape.loops, variables);
        const bindings = Object.fromEntries(
          Object.entries(variables).map(([name, value]) => [name, toCel(value)]),
        );
        const value = evaluate(bindings);
        if (!library.isCelError(value)) return value;
        throw new BatonError("EXPRESSION_FAILED", `${quoted(text)}: ${value.message}`);
      },
    };
  };
  // To read one takes longer than a task does, and the tasks of a fan have the same.
  const known = new RecentMap<string, Expression>(limits.cachedExpressions);
  return (text) => {
    const expression = known.get(text) ?? read(text);
    known.set(text, expression);
    return expression;
  };
}

/** `&&`, `?:`, `@in`, … are no functions of the library. */
const operators = /^[^A-Za-z]/;

function parse(library: Library, text: string): ParsedExpression {
  const most = limits.expressionCharacters;
  if (text.length > most)
    throw new BatonError(
      "EXPRESSION_INVALID",
      `It has ${text.length} characters; at most ${most} are allowed`,
    );
  try {
    return library.parse(text);
  } catch (error) {
    throw new BatonError("EXPRESSION_INVALID", `${quoted(text)}: ${errorMessage(error)}`, { cause: error });
  }
}

function quoted(text: string): string {
  return `\`${text}\``;
}

/** Numbers of JSON are doubles, so `input.count * 2` would be a double times an int, which CEL does not have. */
function mixedArithmetic({ celFunc, CelScalar }: Library): CelFunc[] {
  const { DOUBLE, INT } = CelScalar;
  const operations: readonly (readonly [string, (one: number, other: number) => number])[] = [
    ["_+_", (one, other) => one + other],
    ["_-_", (one, other) => one - other],
    ["_*_", (one, other) => one * other],
    ["_/_", (one, other) => one / other],
  ];
  return operations.flatMap(([name, operation]) => [
    celFunc(name, [DOUBLE, INT], DOUBLE, (one, other) => operation(one, Number(other))),
    celFunc(name, [INT, DOUBLE], DOUBLE, (one, other) => operation(Number(one), other)),
  ]);
}

function toCel(value: JsonValue): CelInput {
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([name, field]) => [name, toCel(field)]));
}

/** A loop inside a loop visits every pair of values, so the number of values bounds the time of an evaluation. */
function assertCost(text: string, loops: number, variables: Readonly<Record<string, JsonValue>>): void {
  if (loops < 2) return;
  const visits = Math.ceil(text.length + countValues(Object.values(variables))) ** (loops - 1);
  if (visits > limits.expressionVisits)
    throw new BatonError(
      "EXPRESSION_TOO_COSTLY",
      `${quoted(text)} may visit ${visits} values; at most ${limits.expressionVisits} are allowed`,
    );
}

/** A long text is compared or searched as slowly as a list of this many characters an element. */
const charactersAsValue = 16;

/** Texts count by their length. A literal list in the expression is no longer than its text. */
function countValues(values: readonly JsonValue[]): number {
  let count = 0;
  const left = [...values];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    count += 1 + (typeof value === "string" ? value.length / charactersAsValue : 0);
    if (typeof value === "object" && value !== null)
      for (const field of Object.values(value)) left.push(field);
  }
  return count;
}

function shapeOf(expression: Node | undefined, isKnown: (name: string) => boolean): ExpressionShape {
  const finder = new ShapeFinder(isKnown);
  if (expression) finder.visit(expression, { bound: new Set(), loops: 1 });
  return { paths: finder.paths, unknownFunctions: [...finder.unknownFunctions], loops: finder.loops };
}

/** Where a part of an expression is: the variables of the loops around it, and how deep it is in them. */
interface Place {
  readonly bound: ReadonlySet<string>;
  readonly loops: number;
}

class ShapeFinder {
  readonly paths: ExpressionPath[] = [];
  readonly unknownFunctions = new Set<string>();
  loops = 1;
  readonly #isKnown: (name: string) => boolean;

  constructor(isKnown: (name: string) => boolean) {
    this.#isKnown = isKnown;
  }

  visit(node: Node, place: Place): void {
    this.loops = Math.max(this.loops, place.loops);
    const path = pathOf(node);
    if (path && !place.bound.has(path.root)) this.paths.push(path);
    if (path) return;
    const { exprKind } = node;
    if (exprKind.case === "callExpr") this.#visitCall(exprKind.value, place);
    else if (exprKind.case === "comprehensionExpr") this.#visitLoop(exprKind.value, place);
    else this.#visitAll(partsOf(node), place);
  }

  #visitCall({ function: name, target, args }: Call, place: Place): void {
    if (!this.#isKnown(name)) this.unknownFunctions.add(name);
    // Inside a loop, a function may visit all values of a list or text again.
    if (place.loops > 1 && !cheap.has(name)) this.loops = Math.max(this.loops, place.loops + 1);
    this.#visitAll([target, ...args], place);
  }

  #visitLoop(loop: Loop, place: Place): void {
    const bound = new Set([...place.bound, loop.iterVar, loop.iterVar2, loop.accuVar]);
    this.#visitAll([loop.iterRange, loop.accuInit], place);
    this.#visitAll([loop.loopCondition, loop.loopStep, loop.result], { bound, loops: place.loops + 1 });
  }

  #visitAll(nodes: readonly (Node | undefined)[], place: Place): void {
    for (const node of nodes) if (node) this.visit(node, place);
  }
}

/** The parts of a field, a list or a map. */
function partsOf({ exprKind }: Node): readonly (Node | undefined)[] {
  switch (exprKind.case) {
    case "selectExpr":
      return [exprKind.value.operand];
    case "listExpr":
      return exprKind.value.elements;
    case "structExpr":
      return exprKind.value.entries.flatMap(({ keyKind, value }) =>
        keyKind.case === "mapKey" ? [keyKind.value, value] : [value],
      );
    default:
      return [];
  }
}

/** Functions and operators whose time does not depend on the size of lists and texts. */
const cheap: ReadonlySet<string> = new Set([
  ...["_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false", "_<_", "_<=_", "_>_", "_>=_"],
  ...["_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_[_]", "size"],
]);

/** The path of a variable, or of a field of one, if the node is one: `input["a"].b`. */
function pathOf(node: Node): ExpressionPath | undefined {
  const { exprKind } = node;
  if (exprKind.case === "identExpr") return { root: exprKind.value.name, path: [], isOptional: false };
  if (exprKind.case === "selectExpr") {
    const { operand, field, testOnly } = exprKind.value;
    const above = operand && pathOf(operand);
    return above && { ...above, path: [...above.path, field], isOptional: above.isOptional || testOnly };
  }
  if (exprKind.case !== "callExpr" || exprKind.value.function !== "_[_]") return undefined;
  const [operand, index] = exprKind.value.args;
  const above = operand && pathOf(operand);
  const constant = index?.exprKind.case === "constExpr" ? index.exprKind.value.constantKind : undefined;
  if (!above || constant?.case !== "stringValue") return undefined;
  return { ...above, path: [...above.path, constant.value] };
}
