/** What a compilation is made from; names are full resource names. */
export type CompilationSource =
  | { readonly gitCommitish: string }
  | { readonly workspace: string }
  | { readonly releaseConfig: string };

export interface CompilationRequest {
  /** `projects/p/locations/l/repositories/r`. */
  readonly repository: string;
  readonly source: CompilationSource;
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
  readonly fullyRefreshIncrementalTables: boolean;
  /** Whom the actions run as; undefined: as the repository says. */
  readonly serviceAccount: string | undefined;
}

export interface InvocationRequest {
  readonly compilationResult: string;
  readonly config: InvocationConfig;
  readonly signal: AbortSignal;
}

export type InvocationState = "RUNNING" | "CANCELING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

export interface Invocation {
  readonly name: string;
  readonly compilationResult: string;
  readonly state: InvocationState;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly config: InvocationConfig;
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
  /** Those of a compilation result, ended ones too. */
  invocationsOf(compilationResult: string, signal: AbortSignal): Promise<readonly Invocation[]>;
  actions(invocation: string, signal: AbortSignal): Promise<readonly InvocationAction[]>;
  /** Asks for the end of a running invocation, which may take a while. */
  cancel(invocation: string, signal: AbortSignal): Promise<void>;
}
