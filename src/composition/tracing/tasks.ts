import type { TaskOutcome, TaskRunner } from "../../ports/task-runner.ts";
import type { Span, Tracer } from "../../ports/tracer.ts";
import type { TaskCode } from "../../runtime/code.ts";
import type { PollOptions, Steps } from "../../runtime/steps.ts";
import type { TaskContext, TaskType } from "../../runtime/task-type.ts";
import { batchAttributes } from "./traced.ts";

/** A span for every attempt, with its outcome. */
export function tracedRunner(runner: TaskRunner, tracer: Tracer): TaskRunner {
  return {
    run(assignment) {
      const { batchId, workflowId, task, attempt } = assignment;
      const attributes = {
        ...batchAttributes({ batchId, workflowId, taskId: task.id, attempt }),
        "baton.task_type": task.type,
      };
      return tracer.inSpan({ name: `run ${task.id}`, attributes }, async (span) => {
        const outcome = await runner.run(assignment);
        describe(span, outcome);
        return outcome;
      });
    },
    customKey: (call) => runner.customKey(call),
    cancel: (cancelled) => runner.cancel(cancelled),
  };
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
