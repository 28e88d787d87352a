import type {
  Compilation,
  CompilationRequest,
  Dataform,
  Invocation,
  InvocationAction,
  InvocationRequest,
} from "../../ports/dataform.ts";
import { EmptyObjectSchema } from "../remote/service-answer.ts";
import {
  ActionsPageSchema,
  CompilationSchema,
  InvocationSchema,
  InvocationsPageSchema,
  invocationBody,
} from "./answers.ts";
import { type DataformOptions, DataformRest } from "./rest.ts";

/** The largest page the service gives. */
const pageSize = "1000";

/** Dataform by its REST API: its client library would bring several copies of gRPC along. */
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
    const named = "workflowConfig" in source ? source.workflowConfig : source.compilationResult;
    const path = `${repositoryOf(named)}/workflowInvocations`;
    const body = invocationBody(source);
    return this.#rest.call({ method: "POST", path, body, answer: InvocationSchema, signal });
  }

  invocation(name: string, signal: AbortSignal): Promise<Invocation> {
    return this.#rest.call({ method: "GET", path: name, answer: InvocationSchema, signal });
  }

  /** All are listed: which filters the service takes is not documented. */
  async invocations(repository: string, signal: AbortSignal): Promise<readonly Invocation[]> {
    const path = `${repository}/workflowInvocations`;
    const found: Invocation[] = [];
    let pageToken: string | undefined;
    do {
      const query = { pageSize, pageToken };
      const page = await this.#rest.call({
        method: "GET",
        path,
        query,
        answer: InvocationsPageSchema,
        signal,
      });
      found.push(...page.workflowInvocations);
      pageToken = page.nextPageToken;
    } while (pageToken);
    return found;
  }

  async actions(invocation: string, signal: AbortSignal): Promise<readonly InvocationAction[]> {
    const path = `${invocation}:query`;
    const found: InvocationAction[] = [];
    let pageToken: string | undefined;
    do {
      const query = { pageSize, pageToken };
      const page = await this.#rest.call({ method: "GET", path, query, answer: ActionsPageSchema, signal });
      found.push(...page.workflowInvocationActions);
      pageToken = page.nextPageToken;
    } while (pageToken);
    return found;
  }

  async cancel(invocation: string, signal: AbortSignal): Promise<void> {
    const path = `${invocation}:cancel`;
    await this.#rest.call({ method: "POST", path, body: {}, answer: EmptyObjectSchema, signal });
  }
}

function repositoryOf(name: string): string {
  return name.split("/").slice(0, 6).join("/");
}
