import type { JsonObject } from "../core/values/json.ts";

/** The source of a compilation, by full resource names. */
export type CompilationSource =
  | { readonly gitCommitish: string }
  | { readonly workspace: string }
  | { readonly releaseConfig: string };

/** Settings of a compilation, which override those in the repository's files. */
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
  /** The file with the error, if Dataform names one. */
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

/** Which actions run, and how. Without tags and targets all actions run. */
export interface InvocationConfig {
  readonly includedTags: readonly string[];
  readonly includedTargets: readonly Target[];
  readonly transitiveDependenciesIncluded: boolean;
  readonly transitiveDependentsIncluded: boolean;
  readonly fullyRefreshIncrementalTables: boolean;
  /** The account that runs the actions. Undefined: the one of the repository. */
  readonly serviceAccount: string | undefined;
  /** Priority of the queries in BigQuery. Undefined: the default of the service, `INTERACTIVE`. */
  readonly queryPriority: "INTERACTIVE" | "BATCH" | undefined;
}

/**
 * The source of an invocation: a compilation result with a configuration, or a workflow configuration, which holds
 * both.
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
  /** The compilation result whose actions run. */
  readonly compilationResult: string;
  /**
   * The workflow configuration that it was created from, perhaps by its schedule. Undefined: it was created from a
   * compilation result.
   */
  readonly workflowConfig: string | undefined;
  readonly state: InvocationState;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly config: InvocationConfig;
  /** Whether its configuration has fields that Baton never sets. */
  readonly hasOtherSettings: boolean;
}

export interface InvocationAction {
  /** `database.schema.name`. */
  readonly target: string;
  readonly state: "PENDING" | "RUNNING" | "SKIPPED" | "DISABLED" | "SUCCEEDED" | "CANCELLED" | "FAILED";
  readonly failureReason: string | undefined;
}

/**
 * Dataform repositories. Throws TaskErrors: `DATAFORM_DENIED` and `DATAFORM_REFUSED`, which are not retryable, and
 * `DATAFORM_UNAVAILABLE`, which is retryable and leaves open whether the request was carried out.
 */
export interface Dataform {
  compile(request: CompilationRequest): Promise<Compilation>;
  /** Starts the actions. Not idempotent: each call starts them again. */
  invoke(request: InvocationRequest): Promise<Invocation>;
  invocation(name: string, signal: AbortSignal): Promise<Invocation>;
  /** All invocations of a repository, including finished ones. */
  invocations(repository: string, signal: AbortSignal): Promise<readonly Invocation[]>;
  actions(invocation: string, signal: AbortSignal): Promise<readonly InvocationAction[]>;
  /** Requests the cancellation of a running invocation, which may take a while. */
  cancel(invocation: string, signal: AbortSignal): Promise<void>;
}

/** A semantic model ("dataset") of a workspace ("group"), by their ids. */
export interface DatasetName {
  readonly workspace: string;
  readonly dataset: string;
}

export interface RefreshRequest extends DatasetName {
  /** The body of the request: `notifyOption`, and the options of an enhanced refresh. */
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
  /** The error that Power BI reports for a failed refresh. */
  readonly failure: { readonly code: string; readonly description: string | undefined } | undefined;
}

/** `busy`: a refresh is running, and Power BI runs one at a time. The id is undefined if the response had none. */
export type RefreshStart =
  | { readonly kind: "started"; readonly id: string | undefined }
  | { readonly kind: "busy" };

/**
 * Refreshes of semantic models. Throws TaskErrors: `POWER_BI_DENIED`, `POWER_BI_DATASET_UNKNOWN`,
 * `POWER_BI_REFRESH_LIMIT` and `POWER_BI_REFUSED`, which are not retryable, and `POWER_BI_UNAVAILABLE`, which is
 * retryable and leaves open whether the request was carried out.
 */
export interface PowerBi {
  /** The last refreshes, including running ones, newest first. */
  refreshes(dataset: DatasetName, signal: AbortSignal): Promise<readonly Refresh[]>;
  start(request: RefreshRequest): Promise<RefreshStart>;
  /** Requests the cancellation of an enhanced refresh. */
  cancel(dataset: DatasetName, refresh: string, signal: AbortSignal): Promise<void>;
}
