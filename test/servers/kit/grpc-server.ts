import * as grpc from "@grpc/grpc-js";
import { fromJSON, type Options } from "@grpc/proto-loader";
import type { FaultPlan } from "./faults.ts";
import { withFault } from "./faults.ts";

/** An error that a handler answers with. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: grpc.status;
  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

type ProtoJson = Parameters<typeof fromJSON>[0];

/**
 * A call that takes one request: it answers with one message, or, when its method streams, with several. What it takes
 * is written in the protos alone; as the type of a method, it may be a function of any of their messages.
 */
type Handler = { handle(request: unknown): Promise<unknown> | unknown }["handle"];

/** A call whose requests and answers both stream; it gets no faults and handles the stream itself. */
type StreamHandler = (stream: grpc.ServerDuplexStream<unknown, unknown>) => void;

export interface GrpcServiceSpec {
  /** Full name: `google.firestore.v1.Firestore`. */
  readonly service: string;
  readonly protos: ProtoJson;
  readonly options?: Options;
  /** By the name of the method, as the proto has it: `Commit`. Methods without a handler answer UNIMPLEMENTED. */
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly streams?: Readonly<Record<string, StreamHandler>>;
}

/** How a client sees a fault. What is not gRPC at all reaches its caller as UNKNOWN. */
const statuses = {
  unavailable: grpc.status.UNAVAILABLE,
  internal: grpc.status.INTERNAL,
  unauthenticated: grpc.status.UNAUTHENTICATED,
  strange: grpc.status.UNKNOWN,
} as const;

const loaderOptions: Options = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: false,
  oneofs: true,
};

export interface GrpcServer {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** From now on. */
  setFaults(plan: FaultPlan): void;
  close(): Promise<void>;
}

/** Serves gRPC without TLS on a port of its own (or the given one), with the faults that the plan asks for. */
export async function serveGrpc(
  services: readonly GrpcServiceSpec[],
  faults: FaultPlan,
  port = 0,
): Promise<GrpcServer> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": 64 * 1024 * 1024 });
  let plan = faults;
  let index = 0;
  for (const spec of services) {
    const definition = serviceDefinition(spec);
    const implementation: grpc.UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(definition)) {
      const stream = spec.streams?.[name];
      const handler = spec.handlers[name];
      const answer = async (request: unknown): Promise<unknown> => {
        if (!handler) throw new GrpcError(grpc.status.UNIMPLEMENTED, `${name} is left out here`);
        const fault = plan({ service: spec.service, method: name, index: index++ });
        const outcome = await withFault(fault, () => handler(request));
        if (outcome.kind === "answer") return outcome.answer;
        throw new GrpcError(statuses[outcome.kind], `injected: ${fault?.kind}`);
      };
      implementation[name] = stream ?? (method.responseStream ? streamed(answer) : unary(answer));
    }
    server.addService(definition, implementation);
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, boundPort) =>
      error ? reject(error) : resolve(boundPort),
    );
  });
  return {
    host: `127.0.0.1:${bound}`,
    setFaults(next) {
      plan = next;
    },
    async close() {
      server.forceShutdown();
    },
  };
}

function serviceDefinition({ service, protos, options }: GrpcServiceSpec): grpc.ServiceDefinition {
  const loaded = grpc.loadPackageDefinition(fromJSON(protos, { ...loaderOptions, ...options }));
  let node: unknown = loaded;
  for (const part of service.split(".")) node = (node as Record<string, unknown>)[part];
  return (node as { service: grpc.ServiceDefinition }).service;
}

type Answer = (request: unknown) => Promise<unknown>;

function unary(answer: Answer): grpc.handleUnaryCall<unknown, unknown> {
  return (call, reply) => {
    answer(call.request).then(
      (value) => reply(null, value),
      (error: unknown) => reply(toServiceError(error)),
    );
  };
}

function streamed(answer: Answer): grpc.handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    answer(call.request).then(
      (values) => {
        for (const value of values as readonly unknown[]) call.write(value);
        call.end();
      },
      (error: unknown) => {
        // Without headers, Google's clients take an error for no answer at all and ask again for several seconds.
        call.sendMetadata(new grpc.Metadata());
        // Destroying the stream would leave the caller without a status, for ever.
        call.emit("error", Object.assign(new Error(), toServiceError(error)));
      },
    );
  };
}

function toServiceError(error: unknown): Partial<grpc.StatusObject> {
  if (error instanceof GrpcError) return { code: error.code, details: error.message };
  return {
    code: grpc.status.UNKNOWN,
    details: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
