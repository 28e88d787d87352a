import type { Storage } from "@google-cloud/storage";
import type * as z from "zod";
import { withFreshCredentials, withTimeout } from "../remote/google-credentials.ts";
import {
  NoContentSchema,
  parseResponse,
  toClientFailure,
  toResponseBody,
} from "../remote/service-response.ts";
import { download } from "./download.ts";
import {
  ListSchema,
  type ObjectLocation,
  type ObjectResource,
  ObjectResourceSchema,
  RewriteSchema,
} from "./object-location.ts";
import { StorageFailure, toStorageFailure, withRetries } from "./storage-failure.ts";

export interface Upload {
  readonly content: Uint8Array;
  readonly contentType: string;
  /** Base64. Cloud Storage refuses content that was damaged in transit. */
  readonly md5Hash: string;
  /** The generation to replace. Default: any. */
  readonly generation?: string;
}

interface StorageRequest {
  readonly method?: string;
  readonly uri: string;
  readonly qs?: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

/**
 * The calls of Cloud Storage that Baton makes. Google's client keeps the state of its retries for all calls together,
 * and omits preconditions when a rewrite takes several calls, so its retries are off. Throws `StorageFailure`.
 */
export class StorageClient {
  readonly #options: StorageClientOptions;
  readonly #timeoutMs: number;
  #storage: Promise<Storage> | undefined;

  constructor(options: StorageClientOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  }

  /** Fails with 404 if there is no such object. */
  async stat(location: ObjectLocation): Promise<ObjectResource> {
    return withRetries(() => this.#statOnce(location));
  }

  async find(location: ObjectLocation): Promise<ObjectResource | undefined> {
    return withRetries(() => this.findOnce(location));
  }

  /** Without retries, for callers that have their own. */
  async findOnce(location: ObjectLocation): Promise<ObjectResource | undefined> {
    return undefinedOnStatus([404], () => this.#statOnce(location));
  }

  /** Fails with 412 or 404 if the generation is not the current one. */
  async download(location: ObjectLocation, generation: string | undefined): Promise<Uint8Array> {
    return withRetries(() => this.#downloadOnce(location, generation));
  }

  /** Without retries: only the caller knows whether the upload may be sent again. */
  async uploadOnce(location: ObjectLocation, upload: Upload): Promise<ObjectResource> {
    const { content, contentType, md5Hash, generation } = upload;
    return this.#parsed(ObjectResourceSchema, async (storage) => {
      const file = storage.bucket(location.bucket).file(location.object);
      const saved = file.save(Buffer.from(content.buffer, content.byteOffset, content.byteLength), {
        resumable: false,
        // The client would delete a damaged object afterwards; the hash in the request prevents its creation.
        validation: false,
        metadata: { contentType, md5Hash },
        ...(generation === undefined ? {} : { preconditionOpts: { ifGenerationMatch: generation } }),
      });
      await withTimeout(this.#timeoutMs + content.byteLength / minimumBytesPerMs, saved);
      return file.metadata;
    });
  }

  /**
   * Copies one generation to a free name, in as many calls as its size needs. Undefined if the source has changed, the
   * name is taken, or the reply of an earlier call was lost.
   */
  async copy(
    from: ObjectLocation,
    generation: string,
    to: ObjectLocation,
    metadata: object,
  ): Promise<ObjectResource | undefined> {
    const uri = `${toObjectPath(from)}/rewriteTo${toObjectPath(to)}`;
    const conditions = { ifSourceGenerationMatch: generation, ifGenerationMatch: "0" };
    for (let token: { rewriteToken: string } | undefined; ; ) {
      const call = { method: "POST", uri, qs: { ...conditions, ...token }, json: metadata };
      // To Cloud Storage, a token that was used or has expired is a bad request.
      const refusals = token ? [400, 404, 410, 412] : [404, 412];
      const rewrite = await undefinedOnStatus(refusals, () =>
        withRetries(() => this.#send(call, RewriteSchema)),
      );
      if (rewrite === undefined) return undefined;
      if (rewrite.done) return rewrite.resource;
      token = { rewriteToken: rewrite.rewriteToken };
    }
  }

  /** Removes the object if this generation is the current one. */
  async remove(location: ObjectLocation, generation: string): Promise<void> {
    const qs = { ifGenerationMatch: generation };
    const call = { method: "DELETE", uri: toObjectPath(location), qs };
    await undefinedOnStatus([404, 412], () => withRetries(() => this.#send(call, NoContentSchema)));
  }

  /** Lists all objects whose names begin with this one, and the noncurrent generations that the bucket keeps. */
  async list({ bucket, object }: ObjectLocation, { limit, after }: { limit: number; after?: string }) {
    const qs = {
      prefix: object,
      versions: "true",
      maxResults: String(limit),
      fields: "kind,nextPageToken,items(name,generation)",
      ...(after !== undefined && { pageToken: after }),
    };
    return withRetries(() => this.#send({ uri: `/b/${bucket}/o`, qs }, ListSchema));
  }

  /** Removes one generation for good, current or not, if it exists. */
  async removeVersion(location: ObjectLocation, generation: string): Promise<void> {
    const call = { method: "DELETE", uri: toObjectPath(location), qs: { generation } };
    await undefinedOnStatus([404], () => withRetries(() => this.#send(call, NoContentSchema)));
  }

  #statOnce(location: ObjectLocation): Promise<ObjectResource> {
    return this.#send({ uri: toObjectPath(location) }, ObjectResourceSchema);
  }

  async #downloadOnce(location: ObjectLocation, generation: string | undefined): Promise<Uint8Array> {
    const { CRC32C } = await import("@google-cloud/storage");
    const timeoutMs = this.#timeoutMs;
    try {
      return await this.#call(async (storage) => {
        const url = new URL(storage.baseUrl + toObjectPath(location));
        url.searchParams.set("alt", "media");
        // `generation` would also find a noncurrent one, in a bucket that keeps them.
        if (generation !== undefined) url.searchParams.set("ifGenerationMatch", generation);
        const sendsCredentials = !storage.customEndpoint || storage.useAuthWithCustomEndpoint === true;
        const headers = sendsCredentials
          ? await withTimeout(timeoutMs, storage.authClient.getRequestHeaders(url.href))
          : new Headers();
        return download({ url, headers, generation, checksum: new CRC32C(), timeoutMs });
      });
    } catch (error) {
      if (isRefusalInPlainText(error)) await this.#confirm(location, generation);
      throw error;
    }
  }

  /**
   * Cloud Storage refuses a download in plain text, as a proxy would. Asking for the metadata, where it answers in
   * JSON, shows which of the two refused. Throws the service's own refusal.
   */
  async #confirm(location: ObjectLocation, generation: string | undefined): Promise<void> {
    const current = (await this.#statOnce(location)).generation;
    if (generation !== undefined && current !== generation)
      throw new StorageFailure(`the current generation is ${current}`, { status: 412, isTransient: false });
  }

  #send<Parsed>(request: StorageRequest, schema: z.ZodType<Parsed>): Promise<Parsed> {
    return this.#parsed(schema, (storage) => {
      const body = Promise.withResolvers<unknown>();
      storage.request(request, (error, content: unknown, response) =>
        error ? body.reject(error) : body.resolve(toResponseBody(response?.statusCode, content)),
      );
      return withTimeout(this.#timeoutMs, body.promise);
    });
  }

  #parsed<Parsed>(schema: z.ZodType<Parsed>, call: (storage: Storage) => Promise<unknown>): Promise<Parsed> {
    return this.#call(async (storage) => parseResponse(schema, await call(storage)));
  }

  /** After refused credentials, calls once more with a new client, which fetches its own. */
  async #call<Result>(call: (storage: Storage) => Promise<Result>): Promise<Result> {
    try {
      return await withFreshCredentials(async () => call(await this.#open()), {
        isRefused: (thrown) => toClientFailure(thrown).answeredStatus === 401,
        refresh: () => {
          this.#storage = undefined;
        },
      });
    } catch (thrown) {
      throw toStorageFailure(thrown);
    }
  }

  #open(): Promise<Storage> {
    this.#storage ??= openStorage(this.#options);
    return this.#storage;
  }
}

function toObjectPath({ bucket, object }: ObjectLocation): string {
  return `/b/${bucket}/o/${encodeURIComponent(object)}`;
}

function isRefusalInPlainText(error: unknown): boolean {
  const { status, answeredStatus } = toClientFailure(error instanceof StorageFailure ? error.cause : error);
  return status === 0 && answeredStatus >= 400;
}

async function undefinedOnStatus<T>(
  statuses: readonly number[],
  call: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof StorageFailure && statuses.includes(error.status ?? 0)) return undefined;
    throw error;
  }
}

export interface StorageClientOptions {
  readonly projectId: string;
  /** Default: `https://storage.googleapis.com`. Other hosts get no credentials. */
  readonly apiEndpoint?: string;
  /** Timeout of one call; for a download, the longest pause between two chunks. Default: two minutes. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 120_000;

/**
 * Extends the timeout of large uploads: 250 bytes a millisecond are 2 Mbit/s, and a slower connection counts as dead.
 */
const minimumBytesPerMs = 250;

async function openStorage({ projectId, apiEndpoint }: StorageClientOptions): Promise<Storage> {
  const { Storage: Client } = await import("@google-cloud/storage");
  const plain = { projectId, retryOptions: { autoRetry: false, maxRetries: 0 } };
  if (apiEndpoint === undefined) return new Client(plain);
  const client = new Client({
    ...plain,
    apiEndpoint,
    useAuthWithCustomEndpoint: isGoogleEndpoint(apiEndpoint),
  });
  // With STORAGE_EMULATOR_HOST in the environment, the client omits the path of the API.
  client.baseUrl = `${client.apiEndpoint}/storage/v1`;
  return client;
}

function isGoogleEndpoint(endpoint: string): boolean {
  const url = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`);
  return url !== null && /(^|\.)googleapis\.com$/.test(url.hostname);
}
