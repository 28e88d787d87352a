import type { VariableProblem } from "../../composition/variable-problems.ts";

/** What the command line says. It and the file win over the environment, and may not say different places. */
export interface TargetOptions {
  readonly project?: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly function?: string;
  /** Variables of one deployment, written `NAME=value`; those that are not Baton's are set for the function. */
  readonly variables?: string;
  /** It is to be taken away: then it does not matter how the function would run. */
  readonly removes?: boolean;
}

/** Options that stand for variables. */
const optionVariables = [
  ["project", "BATON_PROJECT"],
  ["region", "BATON_LOCATION"],
  ["prefix", "BATON_PREFIX"],
  ["function", "BATON_DEPLOY_FUNCTION"],
] as const;

/** Those that are given, as they are written and with what they stand for. */
export function givenOptions(options: TargetOptions) {
  return optionVariables.flatMap(([name, variable]) => {
    const value = options[name];
    return value === undefined ? [] : [{ option: `--${name}`, variable, value }];
  });
}

/** Whoever gave an option looks for it in the message. */
export function namingOption(problem: VariableProblem, options: TargetOptions): VariableProblem {
  const { variable } = problem;
  const found = givenOptions(options).find((each) => each.variable === variable);
  return found ? { ...problem, variable: `${found.option} (${variable})` } : problem;
}
