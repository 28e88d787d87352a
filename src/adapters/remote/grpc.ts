/** Status codes of gRPC that an adapter tells apart: https://grpc.io/docs/guides/status-codes/ */
export const grpcStatus = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The status of what a client of Google's threw; undefined when it says none. */
export function grpcCode(thrown: unknown): number | undefined {
  const isCoded = thrown instanceof Error && "code" in thrown && typeof thrown.code === "number";
  return isCoded ? Number(thrown.code) : undefined;
}

/** What a call answers; undefined when what it is about is not there. */
export async function undefinedIfNotFound<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (thrown) {
    if (grpcCode(thrown) === grpcStatus.notFound) return undefined;
    throw thrown;
  }
}

/** The caller may not do what it asked for, or nobody knows who it is. */
export function isDenied(code: number | undefined): boolean {
  return code === grpcStatus.permissionDenied || code === grpcStatus.unauthenticated;
}

/** How Google's clients repeat a call that may take so long in all: a quarter of it a try. */
export function backoffSettings(totalMs: number) {
  return {
    initialRetryDelayMillis: 100,
    retryDelayMultiplier: 1.3,
    maxRetryDelayMillis: 5_000,
    initialRpcTimeoutMillis: totalMs / 4,
    rpcTimeoutMultiplier: 1,
    maxRpcTimeoutMillis: totalMs / 4,
    totalTimeoutMillis: totalMs,
  };
}
