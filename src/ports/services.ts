import type { JsonObject } from "../core/values/json.ts";

/** What a compilation is made from; names are full resource names. */
export type CompilationSource =
  | { readonly gitCommitish: string }
  | { readonly workspace: string }
  | { readonly releaseConfig: string };

/** Settings of a compilation that come before those of the repository's own files. */
export interface CompilationSettings {
  /** Project. */
  readonly defaultDatabase?: string | undefined;
  /** Dataset. */
  readonly defaultSchema?: string | undefined;
  readonly defaultLocation?: string | undefined;
  readonly assertionSchema?: string | undefined;
  readonly vars?: Readonly<Record<string, string>> | undefined;
  readonly databaseSuffix?: string | undefined;
  readonly schemaSuffix?: string | undefined;
  readonly tablePrefix?: string | undefined;
  readonly builtinAssertionNamePrefix?: string | undefined;
}

export interface CompilationRequest {
  /** `projects/p/locations/l/repositories/r`. */
  readonly repository: string;
  readonly source: CompilationSource;
  readonly settings: CompilationSettings | undefined;
  readonly signal: AbortSignal;
}

interface CompilationError {
  readonly message: string;
  /** The file it stands in, as far as Dataform knows. */
  readonly path: string | undefined;
}

/** A result with errors can't be invoked. */
export interface Compilation {
  readonly name: string;
  readonly errors: readonly CompilationError[];
}

interface Target {
  readonly database?: string | undefined;
  readonly schema?: string | undefined;
  readonly name: string;
}

/** Which actions run, and how. No tags and no targets: all. */
export interface InvocationConfig {
  readonly includedTags: readonly string[];
  readonly includedTargets: readonly Target[];
  readonly transitiveDependenciesIncluded: boolean;
  readonly transitiveDependentsIncluded: boolean;
  readonly fullyRefreshIncrementalTables: boolean;
  /** Whom the actions run as; undefined: as the repository says. */
  readonly serviceAccount: string | undefined;
  /** Of the queries in BigQuery; undefined: as the service does, which is `INTERACTIVE`. */
  readonly queryPriority: "INTERACTIVE" | "BATCH" | undefined;
}

/**
 * What is invoked: a compilation result with a configuration, or a workflow configuration, which has its own of both.
 */
export type InvocationSource =
  | { readonly compilationResult: string; readonly config: InvocationConfig }
  | { readonly workflowConfig: string };

export interface InvocationRequest {
  readonly source: InvocationSource;
  readonly signal: AbortSignal;
}

export type InvocationState = "RUNNING" | "CANCELING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

export interface Invocation {
  readonly name: string;
  /** What was run in the end. */
  readonly compilationResult: string;
  /**
   * The workflow configuration that it was made of, by its schedule perhaps; undefined: it was made of a compilation
   * result.
   */
  readonly workflowConfig: string | undefined;
  readonly state: InvocationState;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly config: InvocationConfig;
  /** Whether its configuration has fields that Baton does not know, and so did not set. */
  readonly hasOtherSettings: boolean;
}

export interface InvocationAction {
  /** `database.schema.name`. */
  readonly target: string;
  readonly state: "PENDING" | "RUNNING" | "SKIPPED" | "DISABLED" | "SUCCEEDED" | "CANCELLED" | "FAILED";
  readonly failureReason: string | undefined;
}

/**
 * Dataform repositories. Throws TaskErrors: `DATAFORM_DENIED` and `DATAFORM_REFUSED`, not retryable;
 * `DATAFORM_UNAVAILABLE`, retryable: what was asked for may have been done or not.
 */
export interface Dataform {
  compile(request: CompilationRequest): Promise<Compilation>;
  /** Starts the actions. Nothing keeps it from starting them twice. */
  invoke(request: InvocationRequest): Promise<Invocation>;
  invocation(name: string, signal: AbortSignal): Promise<Invocation>;
  /** All of a repository, ended ones too. */
  invocations(repository: string, signal: AbortSignal): Promise<readonly Invocation[]>;
  actions(invocation: string, signal: AbortSignal): Promise<readonly InvocationAction[]>;
  /** Asks for the end of a running invocation, which may take a while. */
  cancel(invocation: string, signal: AbortSignal): Promise<void>;
}

/** A semantic model ("dataset") of a workspace ("group"), by their ids. */
export interface DatasetName {
  readonly workspace: string;
  readonly dataset: string;
}

export interface RefreshRequest extends DatasetName {
  /** The body: `notifyOption`, and what makes it an enhanced refresh. */
  readonly options: JsonObject;
  readonly signal: AbortSignal;
}

export type RefreshState = "running" | "completed" | "failed" | "disabled" | "cancelled";

export interface Refresh {
  readonly id: string;
  readonly state: RefreshState;
  /** Only enhanced refreshes can be cancelled. */
  readonly enhanced: boolean;
  readonly startTime: string | undefined;
  readonly endTime: string | undefined;
  /** What Power BI says of a refresh that failed. */
  readonly failure: { readonly code: string; readonly description: string | undefined } | undefined;
}

/** `busy`: one is running, and Power BI runs one at a time. The id is missing where the answer did not name it. */
export type RefreshStart =
  | { readonly kind: "started"; readonly id: string | undefined }
  | { readonly kind: "busy" };

/**
 * Refreshes of semantic models. Throws TaskErrors: `POWER_BI_DENIED`, `POWER_BI_DATASET_UNKNOWN`,
 * `POWER_BI_REFRESH_LIMIT` and `POWER_BI_REFUSED`, not retryable; `POWER_BI_UNAVAILABLE`, retryable: what was asked for
 * may have been done or not.
 */
export interface PowerBi {
  /** The last refreshes, running ones included, the newest first. */
  refreshes(dataset: DatasetName, signal: AbortSignal): Promise<readonly Refresh[]>;
  start(request: RefreshRequest): Promise<RefreshStart>;
  /** Asks for the end of an enhanced refresh. */
  cancel(dataset: DatasetName, refresh: string, signal: AbortSignal): Promise<void>;
}
