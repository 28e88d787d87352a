import * as z from "zod";
import { type FaultPlan, noFaults } from "../kit/faults.ts";
import {
  failure,
  type HttpCall,
  type HttpReply,
  serveTestHttp,
  type TestHttpServer,
} from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";
import { type Ending, Repositories, type StoredCompilation, type StoredInvocation } from "./repository.ts";

/**
 * The part of Dataform's REST API (v1) that Baton uses: compilation results (create) and workflow invocations (create,
 * get, list in pages, query, cancel).
 *
 * Left out: credentials, repositories and their files (every repository is there, and every commitish compiles),
 * filters and orders of lists, release and workflow configurations, and the running of anything: an invocation ends
 * when the test ends it, or after a number of reads.
 */
export interface DataformServer extends Pick<TestHttpServer, "url" | "setFaults" | "close"> {
  readonly meter: Meter;
  readonly state: Repositories;
}

export interface DataformServerOptions {
  readonly faults?: FaultPlan;
  readonly meter?: Meter;
  readonly port?: number;
  /** Default: an invocation succeeds at the second look. Null: it runs until the test ends it. */
  readonly ending?: Ending | null;
  /** The largest page of a list. Default 2: lists have several. */
  readonly largestPage?: number;
}

export async function startDataformServer(options: DataformServerOptions = {}): Promise<DataformServer> {
  const { faults = noFaults, meter = new Meter(), port, largestPage = 2 } = options;
  const { ending = { afterPolls: 1, state: "SUCCEEDED" } } = options;
  const state = new Repositories(meter, ending ?? undefined);
  const server = await serveTestHttp({
    service: "dataform",
    faults,
    handle: (call) => answer(call, state, largestPage),
    ...(port !== undefined && { port }),
  });
  return { url: server.url, setFaults: server.setFaults, close: server.close, meter, state };
}

const resource = "(projects/[^/]+/locations/[^/]+/repositories/[^/]+)";
const routes = {
  compilations: new RegExp(`^/v1/${resource}/compilationResults$`),
  invocations: new RegExp(`^/v1/${resource}/workflowInvocations$`),
  invocation: new RegExp(`^/v1/(${resource}/workflowInvocations/[^/:]+)(:query|:cancel)?$`),
};

function answer(call: HttpCall, state: Repositories, largestPage: number): HttpReply {
  const path = decodeURIComponent(call.path);
  const compilations = routes.compilations.exec(path);
  if (compilations && call.method === "POST") return compile(compilations[1] ?? "", call, state);
  const invocations = routes.invocations.exec(path);
  if (invocations && call.method === "POST") return invoke(invocations[1] ?? "", call, state);
  if (invocations && call.method === "GET")
    return { status: 200, body: page(state, invocations[1] ?? "", call.query, largestPage) };
  const [, name = "", , verb] = routes.invocation.exec(path) ?? [];
  if (name !== "") return one(name, verb, call, state, largestPage);
  return failure(404, `There is no ${call.method} ${path}`, "notFound");
}

const text = z.string().min(1);
const TargetSchema = z.strictObject({ database: text.optional(), schema: text.optional(), name: text });
/** As the service has it: https://cloud.google.com/dataform/reference/rest/v1/InvocationConfig */
const ConfigSchema = z.strictObject({
  includedTags: z.array(z.string()).optional(),
  includedTargets: z.array(TargetSchema).optional(),
  transitiveDependenciesIncluded: z.boolean().optional(),
  transitiveDependentsIncluded: z.boolean().optional(),
  fullyRefreshIncrementalTablesEnabled: z.boolean().optional(),
  serviceAccount: z.string().optional(),
  queryPriority: z.enum(["INTERACTIVE", "BATCH"]).optional(),
});
const InvocationBodySchema = z.union([
  z.strictObject({ compilationResult: text, invocationConfig: ConfigSchema.optional() }),
  z.strictObject({ workflowConfig: text }),
]);
const CodeSchema = z.strictObject({
  defaultDatabase: text.optional(),
  defaultSchema: text.optional(),
  defaultLocation: text.optional(),
  assertionSchema: text.optional(),
  vars: z.record(z.string(), z.string()).optional(),
  databaseSuffix: text.optional(),
  schemaSuffix: text.optional(),
  tablePrefix: text.optional(),
  builtinAssertionNamePrefix: text.optional(),
});
const settings = { codeCompilationConfig: CodeSchema.optional() };
const CompilationBodySchema = z.union([
  z.strictObject({ gitCommitish: text, ...settings }),
  z.strictObject({ workspace: text, ...settings }),
  z.strictObject({ releaseConfig: text, ...settings }),
]);

/** A body that the service takes: it refuses fields that it does not know. */
function bodyOf<Body>(schema: z.ZodType<Body>, call: HttpCall): Body | HttpReply {
  const type = call.headers["content-type"] ?? "";
  if (!/^application\/json\b/.test(type))
    return failure(400, `Unsupported content type ${type}`, "badRequest");
  const parsed = schema.safeParse(jsonOf(call.body));
  return parsed.success
    ? parsed.data
    : failure(400, `Invalid JSON payload received. ${z.prettifyError(parsed.error)}`, "badRequest");
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function compile(repository: string, call: HttpCall, state: Repositories): HttpReply {
  const body = bodyOf(CompilationBodySchema, call);
  return "status" in body ? body : { status: 200, body: shownCompilation(state.compile(repository, body)) };
}

function invoke(repository: string, call: HttpCall, state: Repositories): HttpReply {
  const body = bodyOf(InvocationBodySchema, call);
  if ("status" in body) return body;
  if ("workflowConfig" in body) {
    const made = state.invokeWorkflow(repository, body.workflowConfig);
    return made
      ? { status: 200, body: shownInvocation(made) }
      : failure(404, `There is no ${body.workflowConfig}`, "notFound");
  }
  const { compilationResult, invocationConfig = {} } = body;
  const compilation = state.compilations.find(({ name }) => name === compilationResult);
  if (!compilation) return failure(404, `There is no ${compilationResult}`, "notFound");
  if (compilation.errors.length > 0)
    return failure(400, "The compilation result has errors", "failedPrecondition");
  return { status: 200, body: shownInvocation(state.invoke(repository, compilation.name, invocationConfig)) };
}

function one(
  name: string,
  verb: string | undefined,
  call: HttpCall,
  state: Repositories,
  largestPage: number,
): HttpReply {
  if (verb === undefined && call.method === "GET") {
    const found = state.look(name);
    return found
      ? { status: 200, body: shownInvocation(found) }
      : failure(404, `There is no ${name}`, "notFound");
  }
  const invocation = state.invocations.find((known) => known.name === name);
  if (!invocation) return failure(404, `There is no ${name}`, "notFound");
  if (verb === ":query" && call.method === "GET") {
    const [items, nextPageToken] = pageOf(invocation.actions, call.query, largestPage);
    return { status: 200, body: { workflowInvocationActions: items, nextPageToken } };
  }
  if (verb !== ":cancel" || call.method !== "POST")
    return failure(404, `There is no ${call.method} ${name}${verb ?? ""}`, "notFound");
  if (invocation.state !== "RUNNING") return failure(400, "It does not run", "failedPrecondition");
  invocation.state = "CANCELING";
  return { status: 200, body: {} };
}

function page(state: Repositories, repository: string, query: URLSearchParams, largestPage: number): object {
  const all = state.invocations.filter(({ name }) => name.startsWith(`${repository}/`));
  const [items, nextPageToken] = pageOf(all, query, largestPage);
  return { workflowInvocations: items.map(shownInvocation), nextPageToken };
}

function pageOf<Item>(
  all: readonly Item[],
  query: URLSearchParams,
  largestPage: number,
): [items: readonly Item[], nextPageToken: string | undefined] {
  const first = Number(query.get("pageToken") ?? "0");
  const next = first + Math.min(Number(query.get("pageSize") ?? largestPage), largestPage);
  return [all.slice(first, next), next < all.length ? String(next) : undefined];
}

function shownCompilation({ name, request, errors }: StoredCompilation): object {
  return { ...request, name, ...(errors.length > 0 && { compilationErrors: errors }) };
}

function shownInvocation(invocation: StoredInvocation): object {
  const { name, compilationResult, workflowConfig, config, state, startTime } = invocation;
  return {
    name,
    ...(workflowConfig === undefined ? { compilationResult } : { workflowConfig }),
    resolvedCompilationResult: compilationResult,
    invocationConfig: config,
    state,
    invocationTiming: { startTime },
  };
}
