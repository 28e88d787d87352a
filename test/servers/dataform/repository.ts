import type { Meter } from "../kit/meter.ts";

export interface Action {
  readonly target: { readonly database?: string; readonly schema?: string; readonly name: string };
  readonly state: string;
  readonly failureReason?: string;
}

export interface CompilationError {
  readonly message: string;
  readonly path?: string;
}

export interface StoredCompilation {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly errors: readonly CompilationError[];
}

export interface StoredInvocation {
  readonly name: string;
  readonly compilationResult: string;
  /** The workflow configuration it was made of, if it was. */
  readonly workflowConfig?: string;
  readonly config: unknown;
  readonly startTime: string;
  state: string;
  actions: readonly Action[];
  /** How often its state was asked for. */
  polls: number;
}

/** How an invocation ends by itself, once it was asked for so often. */
export interface Ending {
  readonly afterPolls: number;
  readonly state: string;
  readonly actions?: readonly Action[];
}

const someActions: readonly Action[] = [
  { target: { database: "shop", schema: "daily", name: "sales" }, state: "SUCCEEDED" },
  { target: { database: "shop", schema: "daily", name: "customers" }, state: "SUCCEEDED" },
  { target: { database: "shop", schema: "daily", name: "old" }, state: "DISABLED" },
];

/** What a repository holds, and how its invocations proceed. */
export class Repositories {
  readonly compilations: StoredCompilation[] = [];
  readonly invocations: StoredInvocation[] = [];
  /** What the workflow configurations run, by their names. */
  readonly workflowConfigs = new Map<
    string,
    { readonly compilationResult: string; readonly config: unknown }
  >();
  errors: readonly CompilationError[] = [];
  ending: Ending | undefined;
  readonly #meter: Meter;

  constructor(meter: Meter, ending: Ending | undefined) {
    this.#meter = meter;
    this.ending = ending;
  }

  compile(repository: string, request: Readonly<Record<string, unknown>>): StoredCompilation {
    this.#meter.add("dataform_compilations");
    const name = `${repository}/compilationResults/compilation-${this.compilations.length + 1}`;
    const compilation = { name, request, errors: this.errors };
    this.compilations.push(compilation);
    return compilation;
  }

  /** What the schedule of a workflow configuration does, or a caller that names it. */
  invokeWorkflow(repository: string, workflowConfig: string): StoredInvocation | undefined {
    const found = this.workflowConfigs.get(workflowConfig);
    return found && this.invoke(repository, found.compilationResult, found.config, workflowConfig);
  }

  invoke(
    repository: string,
    compilationResult: string,
    config: unknown,
    workflowConfig?: string,
  ): StoredInvocation {
    this.#meter.add("dataform_invocations");
    const number = this.invocations.length + 1;
    const invocation: StoredInvocation = {
      // Names say nothing about the order.
      name: `${repository}/workflowInvocations/${number % 2 === 0 ? "a" : "b"}-${number}`,
      compilationResult,
      ...(workflowConfig !== undefined && { workflowConfig }),
      config,
      startTime: new Date(Date.UTC(2026, 10, 2, 8, 0, number)).toISOString(),
      state: "RUNNING",
      actions: [],
      polls: 0,
    };
    this.invocations.push(invocation);
    return invocation;
  }

  /** As it is asked for. */
  look(name: string): StoredInvocation | undefined {
    const invocation = this.invocations.find((one) => one.name === name);
    if (!invocation) return undefined;
    invocation.polls += 1;
    if (invocation.state === "CANCELING") invocation.state = "CANCELLED";
    const ending = this.ending;
    if (ending && invocation.state === "RUNNING" && invocation.polls > ending.afterPolls)
      this.finish(name, ending.state, ending.actions);
    return invocation;
  }

  finish(name: string, state: string, actions: readonly Action[] = someActions): void {
    const invocation = this.invocations.find((one) => one.name === name);
    if (!invocation) throw new Error(`There is no ${name}`);
    invocation.state = state;
    invocation.actions = actions;
  }
}
