import type {
  Assignment,
  CancelledTask,
  KeyedCall,
  TaskOutcome,
  TaskRunner,
} from "../../ports/task-runner.ts";
import type { Span, Tracer } from "../../ports/tracer.ts";
import type { TaskCode } from "../../runtime/code.ts";
import type { PollOptions, Steps } from "../../runtime/steps.ts";
import type { TaskContext, TaskType } from "../../runtime/task-type.ts";
import { batchAttributes } from "./attributes.ts";

/** Tells of every attempt, and how it came out. */
export class TracedTaskRunner implements TaskRunner {
  readonly #runner: TaskRunner;
  readonly #tracer: Tracer;

  constructor(runner: TaskRunner, tracer: Tracer) {
    this.#runner = runner;
    this.#tracer = tracer;
  }

  run(assignment: Assignment): Promise<TaskOutcome> {
    const { batchId, workflowId, task, attempt } = assignment;
    const attributes = {
      ...batchAttributes({ batchId, workflowId, taskId: task.id, attempt }),
      "baton.task_type": task.type,
    };
    return this.#tracer.inSpan({ name: `run ${task.id}`, attributes }, async (span) => {
      const outcome = await this.#runner.run(assignment);
      describe(span, outcome);
      return outcome;
    });
  }

  customKey(call: KeyedCall): Promise<string> {
    return this.#runner.customKey(call);
  }

  cancel(cancelled: CancelledTask): Promise<void> {
    return this.#runner.cancel(cancelled);
  }
}

function describe(span: Span, outcome: TaskOutcome): void {
  span.set({ "baton.outcome": outcome.kind });
  if (outcome.kind === "parked")
    span.set({ "baton.reason": outcome.reason, "baton.wait_seconds": outcome.seconds });
  if (outcome.kind !== "failed") return;
  span.set({ "baton.retryable": outcome.error.retryable });
  span.fail(outcome.error);
}

/** The same code, whose steps are told of when they do something: what was stored before takes no time. */
export function tracedTaskCode(code: TaskCode, tracer: Tracer): TaskCode {
  const traced = (context: TaskContext): TaskContext => ({
    ...context,
    step: tracedSteps(context.step, tracer),
  });
  return {
    types: new Map([...code.types].map(([name, type]) => [name, tracedType(type, traced)])),
    keyFunctionOf: code.keyFunctionOf,
    async functionOf(workflowId, taskId) {
      const run = await code.functionOf(workflowId, taskId);
      return run && ((context) => run(traced(context)));
    },
  };
}

function tracedType(type: TaskType, traced: (context: TaskContext) => TaskContext): TaskType {
  return { ...type, run: (context, parameters, secrets) => type.run(traced(context), parameters, secrets) };
}

function tracedSteps(steps: Steps, tracer: Tracer): Steps {
  const told =
    <Result>(verb: string, name: string, work: () => Promise<Result> | Result) =>
    (): Promise<Result> =>
      tracer.inSpan({ name: `${verb} ${name}`, attributes: { "baton.step": name } }, async () => work());
  const step = <Result>(name: string, work: () => Promise<Result> | Result) =>
    steps(name, told("step", name, work));
  return Object.assign(step, {
    sleep: steps.sleep,
    sleepUntil: steps.sleepUntil,
    waitForEvent: steps.waitForEvent,
    poll: <Result>(
      name: string,
      options: PollOptions,
      look: () => Promise<Result | undefined> | Result | undefined,
    ) => steps.poll(name, options, told("poll", name, look)),
  });
}
