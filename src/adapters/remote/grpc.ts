/** The gRPC status codes that adapters distinguish: https://grpc.io/docs/guides/status-codes/ */
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

/** The status code of an error that one of Google's clients threw, if it has one. */
export function grpcCode(thrown: unknown): number | undefined {
  const isCoded = thrown instanceof Error && "code" in thrown && typeof thrown.code === "number";
  return isCoded ? Number(thrown.code) : undefined;
}

export async function undefinedIfNotFound<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (thrown) {
    if (grpcCode(thrown) === grpcStatus.notFound) return undefined;
    throw thrown;
  }
}

/** The caller lacks the permission, or has no valid credentials. */
export function isDenied(code: number | undefined): boolean {
  return code === grpcStatus.permissionDenied || code === grpcStatus.unauthenticated;
}

/**
 * Back-off of Google's clients for a call that may take `totalMs` with all its retries. Each try gets a quarter of it.
 */
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
