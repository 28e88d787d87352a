import type { ReportProblem } from "../adapters/opentelemetry/span-queue.ts";
import { BatchTracer, otlpSender } from "../adapters/opentelemetry/tracer.ts";
import { createLogger, type LogLevel } from "../adapters/pino/logger.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { Message } from "../core/messages.ts";
import type { DeliveryReport } from "../entry/http-handler.ts";
import type { Deliver } from "../entry/message-intake.ts";
import type { Delivery } from "../ports/broker.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { TaskOutcome, TaskRunner } from "../ports/task-runner.ts";
import type { Logger, LogOutput, Span, Tracer } from "../ports/telemetry.ts";
import type { PollOptions, Steps } from "../runtime/step-api.ts";
import type { TaskCode } from "../runtime/task-code.ts";
import type { Services, TaskContext, TaskType } from "../runtime/task-type.ts";
import { batchAttributes, TracedStore, tracedCallbacks, tracedServices } from "./traced-ports.ts";

/** The log and the traces of a process. */
export interface Telemetry {
  readonly logger: Logger;
  /** Undefined if tracing is off. */
  readonly tracer: Tracer | undefined;
}

/** Logs to standard error by default. Each line of the log names the trace that it belongs to. */
export function createTelemetry(
  configuration: Configuration,
  level: LogLevel,
  output?: LogOutput,
): Telemetry {
  const tracer = createTracer(configuration, (problem) => logger.warn("traces could not be sent", problem));
  const context = { projectId: configuration.google?.projectId, place: () => tracer?.current() };
  const logger = createLogger(configuration.logLevel ?? level, context, output);
  return { logger, tracer };
}

function createTracer({ traces }: Configuration, report: ReportProblem): Tracer | undefined {
  return traces && new BatchTracer(otlpSender(traces), report);
}

/** Adds spans to the parts of an app by decorating them. The engine itself does not know of tracing. */
export interface Tracing {
  store(store: DocumentStore): DocumentStore;
  services(services: Services): Services;
  callbacks(callbacks: CallbackSender): CallbackSender;
  code(code: TaskCode): TaskCode;
  runner(runner: TaskRunner): TaskRunner;
  deliver(deliver: Deliver): Deliver;
}

/** Without a tracer every part is returned as it is. */
export function createTracing(tracer: Tracer | undefined, { engine: place }: Configuration): Tracing {
  if (!tracer) return noTracing;
  return {
    store: (store) => new TracedStore(store, tracer),
    services: (services) => tracedServices(services, tracer),
    callbacks: (callbacks) => tracedCallbacks(callbacks, tracer),
    code: (code) => tracedTaskCode(code, tracer),
    runner: (runner) => tracedRunner(runner, tracer),
    deliver: (deliver) => tracedDeliver(deliver, tracer, place === "gcp"),
  };
}

const noTracing: Tracing = {
  store: (store) => store,
  services: (services) => services,
  callbacks: (callbacks) => callbacks,
  code: (code) => code,
  runner: (runner) => runner,
  deliver: (deliver) => deliver,
};

/** The batch, and perhaps the task, that a message belongs to, and the name of its span. */
interface TraceSubject {
  readonly batchId: string;
  readonly name: string;
  readonly taskId?: string;
}

/**
 * Records how long each message waited in its queue, and how long its handling took. With `flushes`, spans are sent
 * before a delivery is acknowledged: on Google Cloud the instance may get no processor time afterwards.
 */
function tracedDeliver(deliver: Deliver, tracer: Tracer, flushes: boolean): Deliver {
  return async (delivery) => {
    try {
      return await deliverTraced(deliver, tracer, delivery);
    } finally {
      if (flushes) await tracer.flush();
    }
  };
}

function deliverTraced(deliver: Deliver, tracer: Tracer, delivery: Delivery): Promise<DeliveryReport> {
  const subject = traceSubject(delivery.message);
  if (!subject) return tracer.inBatch(undefined, () => deliver(delivery));
  const { batchId, name, taskId } = subject;
  const { publishedAt, deliveryAttempt, message } = delivery;
  const attributes = {
    ...batchAttributes({ batchId, taskId }),
    "baton.message.kind": message.kind,
    "baton.delivery_attempt": deliveryAttempt,
  };
  if (publishedAt !== undefined) {
    // The broker's clock may be ahead of this one.
    const endedAt = Math.max(publishedAt, Date.now());
    tracer.record({ batchId, name: `wait to ${name}`, attributes, startedAt: publishedAt, endedAt });
  }
  return tracer.inBatch(batchId, () =>
    tracer.inSpan({ name, kind: "consumer", attributes }, async (span) =>
      markFailure(span, await deliver(delivery)),
    ),
  );
}

/** Undefined for messages that belong to no batch, or do not name it. */
function traceSubject(message: Message): TraceSubject | undefined {
  switch (message.kind) {
    case "task": {
      const { batchId, previousTaskId } = message;
      if (previousTaskId === undefined)
        return { batchId, taskId: message.taskId, name: `execute ${message.taskId}` };
      return { batchId, taskId: previousTaskId, name: `follow ${previousTaskId}` };
    }
    case "redrive":
      return { batchId: message.batchId, name: "redrive" };
    case "event":
      return { batchId: message.batchId, name: `receive ${message.event}` };
    case "start":
    case "object":
    case "callback":
    case "sweep":
    case "tick":
      return undefined;
  }
}

function markFailure(span: Span, report: DeliveryReport): DeliveryReport {
  const { outcome, code = "", message = "" } = report;
  if (outcome === "dead-lettered") span.fail({ code, message });
  return report;
}

/** Adds a span with the outcome for every attempt. */
function tracedRunner(runner: TaskRunner, tracer: Tracer): TaskRunner {
  return {
    run(assignment) {
      const { batchId, workflowId, task, attempt } = assignment;
      const attributes = {
        ...batchAttributes({ batchId, workflowId, taskId: task.id, attempt }),
        "baton.task_type": task.type,
      };
      return tracer.inSpan({ name: `run ${task.id}`, attributes }, async (span) => {
        const outcome = await runner.run(assignment);
        setOutcome(span, outcome);
        return outcome;
      });
    },
    customKey: (call) => runner.customKey(call),
    condition: (call) => runner.condition(call),
    cancel: (cancelled) => runner.cancel(cancelled),
  };
}

function setOutcome(span: Span, outcome: TaskOutcome): void {
  span.set({ "baton.outcome": outcome.kind });
  if (outcome.kind === "parked")
    span.set({ "baton.reason": outcome.reason, "baton.wait_seconds": outcome.seconds });
  if (outcome.kind !== "failed") return;
  span.set({ "baton.retryable": outcome.error.retryable });
  span.fail(outcome.error);
}

/** Adds a span for every step that runs. A step whose result is stored already has none. */
function tracedTaskCode(code: TaskCode, tracer: Tracer): TaskCode {
  const traced = (context: TaskContext): TaskContext => ({
    ...context,
    step: tracedSteps(context.step, tracer),
  });
  return {
    findType(workflowId, name) {
      const type = code.findType(workflowId, name);
      if (!(type instanceof Promise)) return type && tracedType(type, traced);
      return type.then((found) => found && tracedType(found, traced));
    },
    findKeyFunction: code.findKeyFunction,
    findCondition: code.findCondition,
    async findFunction(workflowId, taskId) {
      const run = await code.findFunction(workflowId, taskId);
      return run && ((context) => run(traced(context)));
    },
  };
}

function tracedType(type: TaskType, traced: (context: TaskContext) => TaskContext): TaskType {
  return { ...type, run: (context, parameters, secrets) => type.run(traced(context), parameters, secrets) };
}

function tracedSteps(steps: Steps, tracer: Tracer): Steps {
  const withSpan =
    <Result>(verb: string, name: string, work: () => Promise<Result> | Result) =>
    (): Promise<Result> =>
      tracer.inSpan({ name: `${verb} ${name}`, attributes: { "baton.step": name } }, async () => work());
  const step = <Result>(name: string, work: () => Promise<Result> | Result) =>
    steps(name, withSpan("step", name, work));
  return Object.assign(step, {
    sleep: steps.sleep,
    sleepUntil: steps.sleepUntil,
    waitForEvent: steps.waitForEvent,
    poll: <Result>(
      name: string,
      options: PollOptions,
      check: () => Promise<Result | undefined> | Result | undefined,
    ) => steps.poll(name, options, withSpan("poll", name, check)),
  });
}
