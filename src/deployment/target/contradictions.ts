import type { RawEnvironment, VariableProblem } from "../../composition/variable-problems.ts";

interface Place {
  readonly project?: string;
  readonly region?: string;
  readonly prefix?: string;
}

/**
 * A file of variables is for one deployment: with its database and dataset, another one would work on its data. What the file
 * leaves open, an option may say.
 */
export function placeProblems({ project, region, prefix }: Place, file: RawEnvironment): VariableProblem[] {
  const places = [
    ["BATON_PROJECT", project, file.BATON_PROJECT],
    ["BATON_LOCATION", region, file.BATON_LOCATION],
    ["BATON_PREFIX", prefix, file.BATON_PREFIX],
  ] as const;
  return places.flatMap(([variable, told, filed]) =>
    told === undefined || !filed || told === filed
      ? []
      : [
          {
            variable,
            message: `It is ${told}, and the file of --variables is for ${filed}: leave the option out, or give the file of the deployment that is meant`,
          },
        ],
  );
}
