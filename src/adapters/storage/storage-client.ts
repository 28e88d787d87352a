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
  /** Base64. What arrives damaged is refused. */
  readonly md5Hash: string;
  /** The generation that is replaced; without one, whatever is there is. */
  readonly generation?: string;
}

interface Call {
  readonly method?: string;
  readonly uri: string;
  readonly qs?: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

/**
 * The calls of Cloud Storage that Baton makes. The client's own retries are off: it keeps their state in one place for
 * all calls at once, and leaves out preconditions when a rewrite takes several calls. Throws StorageFailures.
 */
export class StorageClient {
  readonly #options: StorageClientOptions;
  readonly #timeoutMs: number;
  #storage: Promise<Storage> | undefined;

  constructor(options: StorageClientOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  }

  /** What is there now. Fails with 404 when nothing is. */
  async stat(place: ObjectLocation): Promise<ObjectResource> {
    return withRetries(() => this.#statOnce(place));
  }

  async find(place: ObjectLocation): Promise<ObjectResource | undefined> {
    return withRetries(() => this.findOnce(place));
  }

  /** For callers that try again by themselves. */
  async findOnce(place: ObjectLocation): Promise<ObjectResource | undefined> {
    return undefinedOnStatus([404], () => this.#statOnce(place));
  }

  /** The whole content. Fails with 412 or 404 when the generation is not the current one. */
  async download(place: ObjectLocation, generation: string | undefined): Promise<Uint8Array> {
    return withRetries(() => this.#downloadOnce(place, generation));
  }

  /** Sent once, in one request: only the caller can tell whether it may be sent again. */
  async uploadOnce(place: ObjectLocation, upload: Upload): Promise<ObjectResource> {
    const { content, contentType, md5Hash, generation } = upload;
    return this.#known(ObjectResourceSchema, async (storage) => {
      const file = storage.bucket(place.bucket).file(place.object);
      const saved = file.save(Buffer.from(content.buffer, content.byteOffset, content.byteLength), {
        resumable: false,
        // The client would delete a damaged object after the fact; the hash in the request keeps it from being made.
        validation: false,
        metadata: { contentType, md5Hash },
        ...(generation === undefined ? {} : { preconditionOpts: { ifGenerationMatch: generation } }),
      });
      await withTimeout(this.#timeoutMs + content.byteLength / minimumBytesPerMs, saved);
      return file.metadata;
    });
  }

  /**
   * Copies one generation to a name that is free, in as many calls as its size takes. Undefined when the source is
   * another by now, the name is taken, or an earlier call was done whose answer got lost.
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
      // A token that is spent or too old is a bad request.
      const refusals = token ? [400, 404, 410, 412] : [404, 412];
      const rewrite = await undefinedOnStatus(refusals, () =>
        withRetries(() => this.#send(call, RewriteSchema)),
      );
      if (rewrite === undefined) return undefined;
      if (rewrite.done) return rewrite.resource;
      token = { rewriteToken: rewrite.rewriteToken };
    }
  }

  /** Removes one generation, if it is still there. */
  async remove(place: ObjectLocation, generation: string): Promise<void> {
    const qs = { ifGenerationMatch: generation };
    const call = { method: "DELETE", uri: toObjectPath(place), qs };
    await undefinedOnStatus([404, 412], () => withRetries(() => this.#send(call, NoContentSchema)));
  }

  /** Of all whose names begin with the place's object; overwritten generations that are kept as well. */
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

  /** Removes one generation for good, overwritten or not, if it is still there. */
  async removeVersion(place: ObjectLocation, generation: string): Promise<void> {
    const call = { method: "DELETE", uri: toObjectPath(place), qs: { generation } };
    await undefinedOnStatus([404], () => withRetries(() => this.#send(call, NoContentSchema)));
  }

  #statOnce(place: ObjectLocation): Promise<ObjectResource> {
    return this.#send({ uri: toObjectPath(place) }, ObjectResourceSchema);
  }

  async #downloadOnce(place: ObjectLocation, generation: string | undefined): Promise<Uint8Array> {
    const { CRC32C } = await import("@google-cloud/storage");
    const timeoutMs = this.#timeoutMs;
    try {
      return await this.#trusted(async (storage) => {
        const url = new URL(storage.baseUrl + toObjectPath(place));
        url.searchParams.set("alt", "media");
        // A generation that is only selected would be found in a bucket that keeps old versions.
        if (generation !== undefined) url.searchParams.set("ifGenerationMatch", generation);
        const isKnown = !storage.customEndpoint || storage.useAuthWithCustomEndpoint === true;
        const headers = isKnown
          ? await withTimeout(timeoutMs, storage.authClient.getRequestHeaders(url.href))
          : new Headers();
        return download({ url, headers, generation, checksum: new CRC32C(), timeoutMs });
      });
    } catch (error) {
      if (isRefusalInPlainText(error)) await this.#confirm(place, generation);
      throw error;
    }
  }

  /**
   * A download is refused in plain text, as it might be by a proxy: whether it is the service's word is asked where
   * it uses JSON.
   */
  async #confirm(place: ObjectLocation, generation: string | undefined): Promise<void> {
    const there = await this.#statOnce(place);
    if (generation !== undefined && there.generation !== generation)
      throw new StorageFailure(`it is generation ${there.generation}`, { status: 412, isTransient: false });
  }

  #send<Answer>(call: Call, schema: z.ZodType<Answer>): Promise<Answer> {
    return this.#known(schema, (storage) => {
      const answer = Promise.withResolvers<unknown>();
      storage.request(call, (error, body: unknown, response) =>
        error ? answer.reject(error) : answer.resolve(toResponseBody(response?.statusCode, body)),
      );
      return withTimeout(this.#timeoutMs, answer.promise);
    });
  }

  /** What is not an answer of Cloud Storage's counts as none. */
  #known<Answer>(schema: z.ZodType<Answer>, ask: (storage: Storage) => Promise<unknown>): Promise<Answer> {
    return this.#trusted(async (storage) => parseResponse(schema, await ask(storage)));
  }

  /** Credentials that are not taken are fetched again, once: a new client has none yet. */
  async #trusted<Answer>(ask: (storage: Storage) => Promise<Answer>): Promise<Answer> {
    try {
      return await withFreshCredentials(async () => ask(await this.#open()), {
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
  /** Default: `https://storage.googleapis.com`. Hosts that are not Google's get no credentials. */
  readonly apiEndpoint?: string;
  /** How long one call may take; of a download, how long nothing may come. Default: two minutes. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 120_000;

/** What an upload is granted on top of that: a line of 2 Mbit/s is slow, a slower one does not answer. */
const minimumBytesPerMs = 250;

/** The client is loaded here, at the first call that needs it. */
async function openStorage({ projectId, apiEndpoint }: StorageClientOptions): Promise<Storage> {
  const { Storage: Client } = await import("@google-cloud/storage");
  const plain = { projectId, retryOptions: { autoRetry: false, maxRetries: 0 } };
  if (apiEndpoint === undefined) return new Client(plain);
  const client = new Client({
    ...plain,
    apiEndpoint,
    useAuthWithCustomEndpoint: isGoogleEndpoint(apiEndpoint),
  });
  // With STORAGE_EMULATOR_HOST in the environment, the client takes that as it is, without the path of the API.
  client.baseUrl = `${client.apiEndpoint}/storage/v1`;
  return client;
}

function isGoogleEndpoint(endpoint: string): boolean {
  const url = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`);
  return url !== null && /(^|\.)googleapis\.com$/.test(url.hostname);
}
