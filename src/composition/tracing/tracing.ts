import { otlpSender } from "../../adapters/opentelemetry/otlp.ts";
import type { ReportProblem } from "../../adapters/opentelemetry/span-queue.ts";
import { BatchTracer } from "../../adapters/opentelemetry/tracer.ts";
import { createLogger, type LogLevel } from "../../adapters/pino/logger.ts";
import type { Deliver } from "../../entry/deliveries.ts";
import type { CallbackSender } from "../../ports/callbacks.ts";
import type { Logger, LogOutput } from "../../ports/logger.ts";
import type { DocumentStore } from "../../ports/store.ts";
import type { TaskRunner } from "../../ports/task-runner.ts";
import type { Tracer } from "../../ports/tracer.ts";
import type { TaskCode } from "../../runtime/code.ts";
import type { Services } from "../../runtime/task-type.ts";
import type { Configuration } from "../configuration.ts";
import { tracedDeliver } from "./deliveries.ts";
import { tracedCallbacks, tracedServices } from "./services.ts";
import { TracedStore } from "./store.ts";
import { tracedRunner, tracedTaskCode } from "./tasks.ts";

/** What tells of the work of a process. */
export interface Witnesses {
  readonly logger: Logger;
  /** Undefined: no traces are wanted. */
  readonly tracer: Tracer | undefined;
}

/** The log, on standard error, and the tracer that the configuration asks for; each line of the log tells its trace. */
export function openWitnesses(configuration: Configuration, level: LogLevel, output?: LogOutput): Witnesses {
  const tracer = openTracer(configuration, (problem) => logger.warn("traces are not taken", problem));
  const context = { projectId: configuration.google?.projectId, place: () => tracer?.current() };
  const logger = createLogger(configuration.logLevel ?? level, context, output);
  return { logger, tracer };
}

function openTracer({ traces }: Configuration, report: ReportProblem): Tracer | undefined {
  return traces && new BatchTracer(otlpSender(traces), report);
}

/** Puts the tracer around the parts of an engine, none of which knows of it. */
export interface Tracing {
  store(store: DocumentStore): DocumentStore;
  services(services: Services): Services;
  callbacks(callbacks: CallbackSender): CallbackSender;
  code(code: TaskCode): TaskCode;
  runner(runner: TaskRunner): TaskRunner;
  deliver(deliver: Deliver): Deliver;
}

/** Without a tracer every part stays what it is. */
export function tracingBy(tracer: Tracer | undefined, { engine: place }: Configuration): Tracing {
  if (!tracer) return untraced;
  return {
    store: (store) => new TracedStore(store, tracer),
    services: (services) => tracedServices(services, tracer),
    callbacks: (callbacks) => tracedCallbacks(callbacks, tracer),
    code: (code) => tracedTaskCode(code, tracer),
    runner: (runner) => tracedRunner(runner, tracer),
    deliver: (deliver) => tracedDeliver(deliver, tracer, place === "gcp"),
  };
}

const untraced: Tracing = {
  store: (store) => store,
  services: (services) => services,
  callbacks: (callbacks) => callbacks,
  code: (code) => code,
  runner: (runner) => runner,
  deliver: (deliver) => deliver,
};
