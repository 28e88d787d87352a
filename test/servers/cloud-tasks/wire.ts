/** The messages of google.cloud.tasks.v2 as the loader gives them, as far as they are served here. */

export interface WireDuration {
  readonly seconds: string | number;
  readonly nanos: number;
}

export interface WireHttpRequest {
  readonly url: string;
  readonly httpMethod: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience: string };
  readonly oauthToken?: { readonly serviceAccountEmail: string; readonly scope: string };
}

export interface WireTask {
  readonly name: string;
  readonly httpRequest?: WireHttpRequest;
  readonly scheduleTime: WireDuration | null;
  readonly dispatchDeadline: WireDuration | null;
}

export interface WireQueue {
  readonly name: string;
  readonly rateLimits: {
    readonly maxDispatchesPerSecond: number;
    readonly maxBurstSize: number;
    readonly maxConcurrentDispatches: number;
  } | null;
  readonly retryConfig: {
    /** -1: no limit. */
    readonly maxAttempts: number;
    readonly maxRetryDuration: WireDuration | null;
    readonly minBackoff: WireDuration | null;
    readonly maxBackoff: WireDuration | null;
    readonly maxDoublings: number;
  } | null;
}

export function millisecondsOf({ seconds, nanos }: WireDuration): number {
  return Number(seconds) * 1_000 + nanos / 1e6;
}

export function wireTimeOf(milliseconds: number): WireDuration {
  const whole = Math.floor(milliseconds);
  return { seconds: Math.floor(whole / 1_000), nanos: (whole % 1_000) * 1e6 };
}
