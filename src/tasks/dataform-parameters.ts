import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import { type Duration, DurationSchema } from "../core/values/duration.ts";
import type { CompilationSettings, CompilationSource, InvocationConfig } from "../ports/services.ts";
import type { Placeholder } from "../runtime/task-type.ts";

export interface DataformParameters {
  /** `projects/p/locations/l/repositories/r`, or its parts. */
  readonly repository:
    | string
    | { readonly project: string; readonly location: string; readonly repository: string };
  /** A branch, tag or commit to compile. Exactly one of these five is given. */
  readonly gitCommitish?: string;
  /** A workspace of the repository to compile. */
  readonly workspace?: string;
  /** A release configuration of the repository to compile, in its current form. */
  readonly releaseConfig?: string;
  /** An existing compilation result. */
  readonly compilationResult?: string;
  /** A workflow configuration of the repository: its own release, actions and service account. */
  readonly workflowConfig?: string;
  /** Settings of a compilation that override those in the repository's files. */
  readonly codeCompilationConfig?: CompilationSettings;
  /** Actions with one of these tags. No tags and no targets: all actions. */
  readonly includedTags?: readonly string[];
  readonly includedTargets?: readonly {
    readonly database?: string;
    readonly schema?: string;
    readonly name: string;
  }[];
  /** With tags or targets: also run the actions that they depend on. */
  readonly transitiveDependenciesIncluded?: boolean;
  /** With tags or targets: also run the actions that depend on them. */
  readonly transitiveDependentsIncluded?: boolean;
  readonly fullyRefreshIncrementalTables?: boolean;
  /** How BigQuery runs the queries. Default: Dataform's, which is `INTERACTIVE`. */
  readonly queryPriority?: "INTERACTIVE" | "BATCH";
  /** E-mail address of the service account that the actions run as. Default: that of the repository. */
  readonly serviceAccount?: string;
  /** Whether a failed invocation is retried. Default false. */
  readonly retryFailed?: boolean;
  /** How long an invocation may take; then it is cancelled. Default `"1h"`. */
  readonly timeout?: Duration | Placeholder;
  /** Time between two polls. Default `"15s"`. */
  readonly every?: Duration | Placeholder;
}

const text = z.string().min(1);
const sources = [
  "gitCommitish",
  "workspace",
  "releaseConfig",
  "compilationResult",
  "workflowConfig",
] as const;

const CompilationSettingsSchema = z.strictObject({
  defaultDatabase: text.optional(),
  defaultSchema: text.optional(),
  defaultLocation: text.optional(),
  assertionSchema: text.optional(),
  vars: z.record(text, z.string()).optional(),
  databaseSuffix: text.optional(),
  schemaSuffix: text.optional(),
  tablePrefix: text.optional(),
  builtinAssertionNamePrefix: text.optional(),
});

/** Settings that a workflow configuration brings itself. */
const ofInvocation = [
  "includedTags",
  "includedTargets",
  "transitiveDependenciesIncluded",
  "transitiveDependentsIncluded",
  "fullyRefreshIncrementalTables",
  "queryPriority",
  "serviceAccount",
] as const;

function isCompiled(given: {
  readonly compilationResult?: string | undefined;
  readonly workflowConfig?: string | undefined;
}) {
  return given.compilationResult === undefined && given.workflowConfig === undefined;
}

export const DataformParametersSchema = z
  .strictObject({
    repository: z
      .union([text, z.strictObject({ project: text, location: text, repository: text })])
      .describe("`projects/p/locations/l/repositories/r`, or its parts"),
    gitCommitish: text
      .optional()
      .describe("A branch, tag or commit to compile. Exactly one of these five is given"),
    workspace: text.optional().describe("A workspace of the repository to compile"),
    releaseConfig: text
      .optional()
      .describe("A release configuration of the repository to compile, in its current form"),
    compilationResult: text.optional().describe("An existing compilation result"),
    workflowConfig: text
      .optional()
      .describe("A workflow configuration of the repository: its own release, actions and service account"),
    codeCompilationConfig: CompilationSettingsSchema.optional().describe(
      "Settings of a compilation that override those in the repository's files",
    ),
    includedTags: z
      .array(text)
      .optional()
      .describe("Actions with one of these tags. No tags and no targets: all actions"),
    includedTargets: z
      .array(z.strictObject({ database: text.optional(), schema: text.optional(), name: text }))
      .optional()
      .describe("These actions, by their tables. No tags and no targets: all actions"),
    transitiveDependenciesIncluded: z
      .boolean()
      .optional()
      .describe("With tags or targets: also run the actions that they depend on"),
    transitiveDependentsIncluded: z
      .boolean()
      .optional()
      .describe("With tags or targets: also run the actions that depend on them"),
    fullyRefreshIncrementalTables: z.boolean().optional().describe("Builds incremental tables from nothing"),
    queryPriority: z
      .enum(["INTERACTIVE", "BATCH"])
      .optional()
      .describe("How BigQuery runs the queries. Default: Dataform's, which is `INTERACTIVE`"),
    serviceAccount: text
      .optional()
      .describe(
        "E-mail address of the service account that the actions run as. Default: that of the repository",
      ),
    retryFailed: z.boolean().default(false).describe("Whether a failed invocation is retried. Default false"),
    timeout: DurationSchema.default("1h").describe(
      'How long an invocation may take; then it is cancelled. Default `"1h"`',
    ),
    every: DurationSchema.default("15s").describe('Time between two polls. Default `"15s"`'),
  })
  .refine((given) => sources.filter((source) => given[source] !== undefined).length === 1, {
    message: `Give one of ${sources.join(", ")}`,
  })
  .refine(
    (given) => given.workflowConfig === undefined || ofInvocation.every((name) => given[name] === undefined),
    {
      path: ["workflowConfig"],
      message: `A workflow configuration has its own ${ofInvocation.join(", ")}`,
    },
  )
  .refine((given) => given.codeCompilationConfig === undefined || isCompiled(given), {
    path: ["codeCompilationConfig"],
    message: "It is for what the task compiles: gitCommitish, workspace or releaseConfig",
  });
export type Parameters = z.infer<typeof DataformParametersSchema>;

/** What the task invokes: a source to compile, a compilation result, or a workflow configuration. */
export interface DataformJob {
  readonly repository: string;
  readonly source:
    | CompilationSource
    | { readonly compilationResult: string }
    | { readonly workflowConfig: string };
  readonly settings: CompilationSettings | undefined;
  readonly config: InvocationConfig;
}

/** The job with full resource names. Throws `TASK_PARAMETERS_INVALID`. */
export function resolveJob(parameters: Parameters): DataformJob {
  const repository = repositoryOf(parameters.repository);
  const full = (collection: string, name: string) =>
    name.includes("/") ? name : `${repository}/${collection}/${name}`;
  const sourceOf = (): DataformJob["source"] => {
    const { gitCommitish, workspace, releaseConfig, compilationResult, workflowConfig } = parameters;
    if (workflowConfig !== undefined) return { workflowConfig: full("workflowConfigs", workflowConfig) };
    if (compilationResult !== undefined)
      return { compilationResult: full("compilationResults", compilationResult) };
    if (workspace !== undefined) return { workspace: full("workspaces", workspace) };
    if (releaseConfig !== undefined) return { releaseConfig: full("releaseConfigs", releaseConfig) };
    return { gitCommitish: gitCommitish ?? "" };
  };
  return {
    repository,
    source: sourceOf(),
    settings: parameters.codeCompilationConfig,
    config: {
      includedTags: parameters.includedTags ?? [],
      includedTargets: parameters.includedTargets ?? [],
      transitiveDependenciesIncluded: parameters.transitiveDependenciesIncluded ?? false,
      transitiveDependentsIncluded: parameters.transitiveDependentsIncluded ?? false,
      fullyRefreshIncrementalTables: parameters.fullyRefreshIncrementalTables ?? false,
      serviceAccount: parameters.serviceAccount,
      queryPriority: parameters.queryPriority,
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
      `"${name}" is not a Dataform repository: write projects/<project>/locations/<location>/repositories/<repository>`,
    );
  return name;
}
