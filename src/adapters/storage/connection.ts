import type { Storage } from "@google-cloud/storage";

export interface StorageClientOptions {
  readonly projectId: string;
  /** Default: `https://storage.googleapis.com`. Hosts that are not Google's get no credentials. */
  readonly apiEndpoint?: string;
  /** How long one call may take; of a download, how long nothing may come. Default: two minutes. */
  readonly timeoutMs?: number;
}

export const defaultTimeoutMs = 120_000;

/** What an upload is granted on top of that: a line of 2 Mbit/s is slow, a slower one does not answer. */
export const leastBytesPerMs = 250;

/** The client is loaded here, at the first call that needs it. */
export async function openStorage({ projectId, apiEndpoint }: StorageClientOptions): Promise<Storage> {
  const { Storage: Client } = await import("@google-cloud/storage");
  const plain = { projectId, retryOptions: { autoRetry: false, maxRetries: 0 } };
  if (apiEndpoint === undefined) return new Client(plain);
  const client = new Client({ ...plain, apiEndpoint, useAuthWithCustomEndpoint: isGoogle(apiEndpoint) });
  // With STORAGE_EMULATOR_HOST in the environment, the client takes that as it is, without the path of the API.
  client.baseUrl = `${client.apiEndpoint}/storage/v1`;
  return client;
}

function isGoogle(endpoint: string): boolean {
  const url = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`);
  return url !== null && /(^|\.)googleapis\.com$/.test(url.hostname);
}
