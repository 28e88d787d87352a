import { otlpSender } from "../adapters/opentelemetry/otlp.ts";
import type { ReportProblem } from "../adapters/opentelemetry/span-queue.ts";
import { BatchTracer } from "../adapters/opentelemetry/tracer.ts";
import { createLogger, type LogLevel } from "../adapters/pino/logger.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { Deliver } from "../entry/message-intake.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { TaskRunner } from "../ports/task-runner.ts";
import type { Logger, LogOutput, Tracer } from "../ports/telemetry.ts";
import type { TaskCode } from "../runtime/task-code.ts";
import type { Services } from "../runtime/task-type.ts";
import { tracedCallbacks, tracedServices } from "./traced-services.ts";
import { TracedStore } from "./traced-store.ts";
import { tracedDeliver, tracedRunner, tracedTaskCode } from "./traced-work.ts";

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
