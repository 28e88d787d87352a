import * as z from "zod";
import { TaskError } from "../../core/errors/errors.ts";
import { GoogleApiError, type GoogleRest } from "../../ports/http.ts";
import type {
  Compilation,
  CompilationRequest,
  Dataform,
  Invocation,
  InvocationAction,
  InvocationConfig,
  InvocationRequest,
  InvocationSource,
} from "../../ports/services.ts";
import { googleRest } from "../remote/google-rest.ts";
import { EmptyObjectSchema, sparseObject } from "../remote/service-response.ts";

/*
 * The parts of Dataform's responses that Baton reads. Dataform omits fields that have their default value:
 * https://cloud.google.com/dataform/reference/rest
 */

const CompilationSchema = z
  .object({
    name: z.string().min(1),
    compilationErrors: z
      .array(z.object({ message: z.string().default(""), path: z.string().optional() }))
      .default([]),
  })
  .transform(
    ({ name, compilationErrors }): Compilation => ({
      name,
      errors: compilationErrors.map(({ message, path }) => ({ message, path })),
    }),
  );

const TargetSchema = z.object({
  database: z.string().optional(),
  schema: z.string().optional(),
  name: z.string().default(""),
});

const ConfigSchema = z.object({
  includedTags: z.array(z.string()).default([]),
  includedTargets: z.array(TargetSchema).default([]),
  transitiveDependenciesIncluded: z.boolean().default(false),
  transitiveDependentsIncluded: z.boolean().default(false),
  fullyRefreshIncrementalTablesEnabled: z.boolean().default(false),
  serviceAccount: z.string().optional(),
  queryPriority: z.string().optional(),
});
const LooseConfigSchema = ConfigSchema.loose();

function toInvocationConfig(answer: z.infer<typeof ConfigSchema>): InvocationConfig {
  const { fullyRefreshIncrementalTablesEnabled, serviceAccount, queryPriority, ...rest } =
    ConfigSchema.parse(answer);
  return {
    ...rest,
    fullyRefreshIncrementalTables: fullyRefreshIncrementalTablesEnabled,
    serviceAccount: serviceAccount === "" ? undefined : serviceAccount,
    queryPriority: queryPriority === "INTERACTIVE" || queryPriority === "BATCH" ? queryPriority : undefined,
  };
}

function hasOtherSettings(answer: object): boolean {
  return Object.keys(answer).some((name) => !(name in ConfigSchema.shape));
}

/** An unknown state counts as running: a new state of Dataform must not end a task. */
const StateSchema = z.enum(["RUNNING", "CANCELING", "SUCCEEDED", "FAILED", "CANCELLED"]).catch("RUNNING");

const InvocationSchema = z
  .object({
    name: z.string().min(1),
    compilationResult: z.string().optional(),
    resolvedCompilationResult: z.string().optional(),
    workflowConfig: z.string().optional(),
    state: StateSchema,
    invocationTiming: z.object({ startTime: z.string().optional() }).optional(),
    invocationConfig: LooseConfigSchema.prefault({}),
  })
  .transform(
    (answer): Invocation => ({
      name: answer.name,
      compilationResult: answer.resolvedCompilationResult ?? answer.compilationResult ?? "",
      workflowConfig: answer.workflowConfig,
      state: answer.state,
      startedAt: Date.parse(answer.invocationTiming?.startTime ?? "") || 0,
      config: toInvocationConfig(answer.invocationConfig),
      hasOtherSettings: hasOtherSettings(answer.invocationConfig),
    }),
  );

const ActionSchema = z
  .object({
    target: TargetSchema.prefault({}),
    state: z
      .enum(["PENDING", "RUNNING", "SKIPPED", "DISABLED", "SUCCEEDED", "CANCELLED", "FAILED"])
      .catch("PENDING"),
    failureReason: z.string().optional(),
  })
  .transform(
    ({ target, state, failureReason }): InvocationAction => ({
      target: [target.database, target.schema, target.name].filter((part) => part).join("."),
      state,
      failureReason,
    }),
  );

const InvocationsPageSchema = sparseObject({
  workflowInvocations: z.array(InvocationSchema).default([]),
  nextPageToken: z.string().optional(),
});

const ActionsPageSchema = sparseObject({
  workflowInvocationActions: z.array(ActionSchema).default([]),
  nextPageToken: z.string().optional(),
});

/** The body that creates an invocation. */
function toInvocationBody(source: InvocationSource): object {
  if ("workflowConfig" in source) return { workflowConfig: source.workflowConfig };
  const { compilationResult, config } = source;
  const { fullyRefreshIncrementalTables, ...rest } = config;
  return {
    compilationResult,
    invocationConfig: { ...rest, fullyRefreshIncrementalTablesEnabled: fullyRefreshIncrementalTables },
  };
}

export interface DataformOptions {
  /** Default: `https://dataform.googleapis.com`. Any other host gets no credentials. */
  readonly apiEndpoint?: string | undefined;
}

interface RestCall<Answer> {
  readonly method: "GET" | "POST";
  /** A resource name, optionally with a `:verb`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly answer: z.ZodType<Answer>;
  readonly signal: AbortSignal;
}

/** Dataform answers a compilation request only when the compilation has finished. */
const timeoutMs = 180_000;

class DataformRest {
  readonly #rest: GoogleRest;

  constructor({ apiEndpoint: endpoint }: DataformOptions) {
    this.#rest = googleRest({ service: "https://dataform.googleapis.com", endpoint, timeoutMs });
  }

  /** Throws `DATAFORM_DENIED`, `DATAFORM_REFUSED` and `DATAFORM_UNAVAILABLE`. */
  async call<Answer>({ path, query = {}, ...call }: RestCall<Answer>): Promise<Answer> {
    const { method } = call;
    try {
      return await this.#rest.call({ ...call, path: toAddress(path, query) });
    } catch (error) {
      throw error instanceof GoogleApiError ? toTaskError(`${method} ${path}`, error) : error;
    }
  }
}

function toAddress(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  const address = `/v1/${path.split("/").map(encodeSegment).join("/")}`;
  return parameters.size > 0 ? `${address}?${parameters}` : address;
}

/** Leaves the `:` before a verb unencoded. */
function encodeSegment(segment: string): string {
  return segment.split(":").map(encodeURIComponent).join(":");
}

function toTaskError(
  operation: string,
  { code: status, message, retryAfterSeconds }: GoogleApiError,
): TaskError {
  const text = `${operation}: ${message}`;
  if (status === 401 || status === 403)
    return new TaskError(text, { code: "DATAFORM_DENIED", retryable: false });
  if (status === 0 || status === 408 || status === 429 || status >= 500)
    return new TaskError(text, { code: "DATAFORM_UNAVAILABLE", retryAfterSeconds });
  return new TaskError(text, { code: "DATAFORM_REFUSED", retryable: false });
}

/** The largest page size of Dataform. */
const pageSize = "1000";

/** Calls Dataform's REST API: its client library depends on several copies of gRPC. */
export class DataformService implements Dataform {
  readonly #rest: DataformRest;

  constructor(options: DataformOptions = {}) {
    this.#rest = new DataformRest(options);
  }

  compile({ repository, source, settings, signal }: CompilationRequest): Promise<Compilation> {
    const path = `${repository}/compilationResults`;
    const body = { ...source, ...(settings && { codeCompilationConfig: settings }) };
    return this.#rest.call({ method: "POST", path, body, answer: CompilationSchema, signal });
  }

  invoke({ source, signal }: InvocationRequest): Promise<Invocation> {
    const sourceName = "workflowConfig" in source ? source.workflowConfig : source.compilationResult;
    const path = `${repositoryName(sourceName)}/workflowInvocations`;
    const body = toInvocationBody(source);
    return this.#rest.call({ method: "POST", path, body, answer: InvocationSchema, signal });
  }

  invocation(name: string, signal: AbortSignal): Promise<Invocation> {
    return this.#rest.call({ method: "GET", path: name, answer: InvocationSchema, signal });
  }

  /** Lists all of them: Dataform does not document its filters. */
  invocations(repository: string, signal: AbortSignal): Promise<readonly Invocation[]> {
    const path = `${repository}/workflowInvocations`;
    return readAllPages(async (query) => {
      const call = { method: "GET", path, query, answer: InvocationsPageSchema, signal } as const;
      const { workflowInvocations: items, nextPageToken } = await this.#rest.call(call);
      return { items, nextPageToken };
    });
  }

  actions(invocation: string, signal: AbortSignal): Promise<readonly InvocationAction[]> {
    const path = `${invocation}:query`;
    return readAllPages(async (query) => {
      const call = { method: "GET", path, query, answer: ActionsPageSchema, signal } as const;
      const { workflowInvocationActions: items, nextPageToken } = await this.#rest.call(call);
      return { items, nextPageToken };
    });
  }

  async cancel(invocation: string, signal: AbortSignal): Promise<void> {
    const path = `${invocation}:cancel`;
    await this.#rest.call({ method: "POST", path, body: {}, answer: EmptyObjectSchema, signal });
  }
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken: string | undefined;
}

async function readAllPages<Item>(
  readPage: (query: Readonly<Record<string, string | undefined>>) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  let pageToken: string | undefined;
  do {
    const page = await readPage({ pageSize, pageToken });
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken);
  return all;
}

function repositoryName(name: string): string {
  return name.split("/").slice(0, 6).join("/");
}
