import * as z from "zod";
import { TaskError } from "../../core/errors.ts";
import type {
  Compilation,
  CompilationRequest,
  Dataform,
  Invocation,
  InvocationAction,
  InvocationRequest,
} from "../../ports/dataform.ts";
import {
  ActionsPageSchema,
  CompilationSchema,
  configBody,
  InvocationSchema,
  InvocationsPageSchema,
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

  async compile({ repository, source, signal }: CompilationRequest): Promise<Compilation> {
    const path = `${repository}/compilationResults`;
    return understood(
      CompilationSchema,
      await this.#rest.call({ method: "POST", path, body: source, signal }),
    );
  }

  async invoke({ compilationResult, config, signal }: InvocationRequest): Promise<Invocation> {
    const path = `${repositoryOf(compilationResult)}/workflowInvocations`;
    const body = { compilationResult, invocationConfig: configBody(config) };
    return understood(InvocationSchema, await this.#rest.call({ method: "POST", path, body, signal }));
  }

  async invocation(name: string, signal: AbortSignal): Promise<Invocation> {
    return understood(InvocationSchema, await this.#rest.call({ method: "GET", path: name, signal }));
  }

  /** All are listed and picked out here: which filters the service takes is not documented. */
  async invocationsOf(compilationResult: string, signal: AbortSignal): Promise<readonly Invocation[]> {
    const path = `${repositoryOf(compilationResult)}/workflowInvocations`;
    const found: Invocation[] = [];
    let pageToken: string | undefined;
    do {
      const answer = await this.#rest.call({ method: "GET", path, query: { pageSize, pageToken }, signal });
      const page = understood(InvocationsPageSchema, answer);
      found.push(...page.workflowInvocations.filter((one) => one.compilationResult === compilationResult));
      pageToken = page.nextPageToken;
    } while (pageToken);
    return found;
  }

  async actions(invocation: string, signal: AbortSignal): Promise<readonly InvocationAction[]> {
    const found: InvocationAction[] = [];
    let pageToken: string | undefined;
    do {
      const query = { pageSize, pageToken };
      const answer = await this.#rest.call({ method: "GET", path: `${invocation}:query`, query, signal });
      const page = understood(ActionsPageSchema, answer);
      found.push(...page.workflowInvocationActions);
      pageToken = page.nextPageToken;
    } while (pageToken);
    return found;
  }

  async cancel(invocation: string, signal: AbortSignal): Promise<void> {
    await this.#rest.call({ method: "POST", path: `${invocation}:cancel`, body: {}, signal });
  }
}

function repositoryOf(name: string): string {
  return name.split("/").slice(0, 6).join("/");
}

function understood<Answer>(schema: z.ZodType<Answer>, answer: unknown): Answer {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new TaskError(`Dataform answered something else than expected: ${z.prettifyError(parsed.error)}`, {
    code: "DATAFORM_UNAVAILABLE",
  });
}
