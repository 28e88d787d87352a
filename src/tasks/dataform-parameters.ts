import * as z from "zod";
import { BatonError } from "../core/errors.ts";
import type { CompilationSource, InvocationConfig } from "../ports/dataform.ts";

export interface DataformParameters {
  /** `projects/p/locations/l/repositories/r`, or its parts. */
  readonly repository:
    | string
    | { readonly project: string; readonly location: string; readonly repository: string };
  /** What is compiled: a branch, tag or commit. One of these four is given. */
  readonly gitCommitish?: string;
  /** What is compiled: a workspace of the repository. */
  readonly workspace?: string;
  /** What is compiled: a release configuration of the repository, as it is now. */
  readonly releaseConfig?: string;
  /** What was compiled before. */
  readonly compilationResult?: string;
  /** Actions with one of these tags. No tags and no targets: all actions. */
  readonly includedTags?: readonly string[];
  readonly includedTargets?: readonly {
    readonly database?: string;
    readonly schema?: string;
    readonly name: string;
  }[];
  /** With tags or targets: what they depend on as well. */
  readonly transitiveDependenciesIncluded?: boolean;
  readonly fullyRefreshIncrementalTables?: boolean;
  /** E-mail address of the service account that the actions run as. Default: that of the repository. */
  readonly serviceAccount?: string;
  /** Whether an invocation that failed is worth another attempt. Default false. */
  readonly retryFailed?: boolean;
  /** How long an invocation may take; then it is cancelled. Default `"1h"`. */
  readonly timeout?: string;
  /** Time between two looks. Default `"15s"`. */
  readonly every?: string;
}

const text = z.string().min(1);
const sources = ["gitCommitish", "workspace", "releaseConfig", "compilationResult"] as const;

export const DataformParametersSchema = z
  .strictObject({
    repository: z.union([text, z.strictObject({ project: text, location: text, repository: text })]),
    gitCommitish: text.optional(),
    workspace: text.optional(),
    releaseConfig: text.optional(),
    compilationResult: text.optional(),
    includedTags: z.array(text).default([]),
    includedTargets: z
      .array(z.strictObject({ database: text.optional(), schema: text.optional(), name: text }))
      .default([]),
    transitiveDependenciesIncluded: z.boolean().default(false),
    fullyRefreshIncrementalTables: z.boolean().default(false),
    serviceAccount: text.optional(),
    retryFailed: z.boolean().default(false),
    timeout: z.string().default("1h"),
    every: z.string().default("15s"),
  })
  .refine((given) => sources.filter((source) => given[source] !== undefined).length === 1, {
    message: `Give one of ${sources.join(", ")}`,
  });
export type Parameters = z.infer<typeof DataformParametersSchema>;

/** What the task works on: what to compile, or what was compiled before. */
export interface DataformJob {
  readonly repository: string;
  readonly source: CompilationSource | { readonly compilationResult: string };
  readonly config: InvocationConfig;
}

/** The job with full resource names. Throws `TASK_PARAMETERS_INVALID`. */
export function jobOf(parameters: Parameters): DataformJob {
  const repository = repositoryOf(parameters.repository);
  const full = (collection: string, name: string) =>
    name.includes("/") ? name : `${repository}/${collection}/${name}`;
  const { gitCommitish, workspace, releaseConfig, compilationResult, serviceAccount } = parameters;
  const { includedTags, includedTargets, transitiveDependenciesIncluded, fullyRefreshIncrementalTables } =
    parameters;
  const sourceOf = (): DataformJob["source"] => {
    if (compilationResult !== undefined)
      return { compilationResult: full("compilationResults", compilationResult) };
    if (workspace !== undefined) return { workspace: full("workspaces", workspace) };
    if (releaseConfig !== undefined) return { releaseConfig: full("releaseConfigs", releaseConfig) };
    return { gitCommitish: gitCommitish ?? "" };
  };
  return {
    repository,
    source: sourceOf(),
    config: {
      includedTags,
      includedTargets,
      transitiveDependenciesIncluded,
      fullyRefreshIncrementalTables,
      serviceAccount,
    },
  };
}

function repositoryOf(given: Parameters["repository"]): string {
  const name =
    typeof given === "string"
      ? given
      : `projects/${given.project}/locations/${given.location}/repositories/${given.repository}`;
  if (!/^projects\/[^/]+\/locations\/[^/]+\/repositories\/[^/]+$/.test(name))
    throw new BatonError(
      "TASK_PARAMETERS_INVALID",
      `"${name}" is no Dataform repository: write projects/<project>/locations/<location>/repositories/<repository>`,
    );
  return name;
}
