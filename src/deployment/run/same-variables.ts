import { isAbsolute, normalize, sep } from "node:path";
import { BatonError } from "../../core/errors.ts";
import { fileVariable } from "../plan/function-environment.ts";
import type { Prepared } from "./prepare.ts";
import type { ServingFunction } from "./serving.ts";

/**
 * Without its file, a deployment would silently become one with defaults; with that of another, that one's database would be
 * worked on. Throws `DEPLOY_VARIABLES_FORGOTTEN`.
 */
export function demandVariablesFile(
  { target, parts }: Pick<Prepared, "target" | "parts">,
  serving: ServingFunction | undefined,
): void {
  const before = serving?.variables[fileVariable];
  if (!before) return;
  if (!target.hasFile)
    throw new BatonError(
      "DEPLOY_VARIABLES_FORGOTTEN",
      `The function was deployed with --variables ${before}, and now there is no --variables`,
      { remedy: `Give --variables ${before}, or --variables /dev/null to deploy without a file.` },
    );
  const { variablesFile: now } = target;
  // With the infrastructure somebody looks at the plan; a new version of the function is deployed by pipelines, which ask nobody.
  if (parts.includes("infrastructure") || now === undefined || isSameFile(before, now)) return;
  throw new BatonError(
    "DEPLOY_VARIABLES_FORGOTTEN",
    `The function was deployed with --variables ${before}, and now it is --variables ${now}`,
    {
      remedy: `Give --variables ${before}, or the project, region and prefix that ${now} is for. If the file has another name now, deploy once without --skip-infra.`,
    },
  );
}

/** Paths are from the folder of Baton, if they are not of one machine: of those, the end alone can be compared. */
function isSameFile(before: string, now: string): boolean {
  if (isAbsolute(before) && isAbsolute(now)) return endOf(before, 2) === endOf(now, 2);
  if (isAbsolute(before)) return endOf(before, segmentsOf(now).length) === endOf(now);
  if (isAbsolute(now)) return endOf(now, segmentsOf(before).length) === endOf(before);
  return normalize(before) === normalize(now);
}

/** The last segments of a path, or all. */
function endOf(path: string, length = Number.POSITIVE_INFINITY): string {
  return segmentsOf(path).slice(-length).join(sep);
}

/** Those that have a name: where the folder of Baton is, an absolute path does not tell. */
function segmentsOf(path: string): readonly string[] {
  return normalize(path)
    .split(sep)
    .filter((segment) => segment !== "" && segment !== "..");
}
