import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { type HttpCall, type HttpReply, serveTestHttp } from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";
import { Refusal } from "./answers.ts";
import { finalized, type OnFinalize } from "./notifications.ts";
import { Objects, resourceOf, type StoredObject } from "./objects.ts";
import { routed } from "./routes.ts";

export interface StorageServerOptions {
  readonly faults?: FaultPlan;
  readonly meter?: Meter;
  readonly port?: number;
  /** Buckets that are there from the beginning. */
  readonly buckets?: readonly string[];
  /** Buckets keep what is overwritten or removed, as those of `infra/` do. Default: it is gone. */
  readonly keepsVersions?: boolean;
  /** A rewrite copies this much in a call, and asks for another one when there is more. Default: everything. */
  readonly rewriteBytesPerCall?: number;
  /** Called after each object was made; see `publishTo`. */
  readonly onFinalize?: OnFinalize;
}

export interface StorageServer {
  /** `http://127.0.0.1:port`: the client's `apiEndpoint`. */
  readonly url: string;
  readonly meter: Meter;
  setFaults(plan: FaultPlan): void;
  /** Answers calls itself where it returns something: with `failure(403, …)`, say. Undefined: no more. */
  setRefusals(refuse: ((call: HttpCall) => HttpReply | undefined) | undefined): void;
  createBucket(bucket: string): void;
  /**
   * Drops an object into a bucket, as an outside sender does. A missing bucket is created. Resolves to its generation.
   */
  put(bucket: string, object: string, content: Uint8Array | string, contentType?: string): string;
  /** The resources of a bucket's objects, as JSON, in the order of their names. */
  objects(bucket: string): Readonly<Record<string, unknown>>[];
  /** The same, with those that were overwritten or removed and are kept. */
  versions(bucket: string): Readonly<Record<string, unknown>>[];
  /** Of `gs://bucket/object`. Throws where there is none. */
  content(gsUri: string): Buffer;
  /** Resolves once every object made until now has been notified. */
  notified(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A stand-in for Cloud Storage's JSON API. It leaves out: reading versions that were replaced under a
 * condition, resumable uploads, ranges,
 * folders (`delimiter`), ACLs and permissions (everybody may do everything), storage classes, retention, soft deletion,
 * and the limit of one change of an object per second. Metadata are replaced or merged, never cleared by null.
 * Notifications come once each, and at once. Billed are calls that succeed.
 */
export async function startStorageServer(options: StorageServerOptions = {}): Promise<StorageServer> {
  const { faults = noFaults, meter = new Meter(), port = 0, keepsVersions = false, onFinalize } = options;
  const objects = new Objects({ keepsVersions });
  for (const bucket of options.buckets ?? []) objects.createBucket(bucket);
  let refuse: ((call: HttpCall) => HttpReply | undefined) | undefined;
  let notifying = Promise.resolve();
  const onStored = (stored: StoredObject, overwritten: StoredObject | undefined) => {
    if (onFinalize) notifying = notifying.then(() => onFinalize(finalized(stored, overwritten)));
    notifying.catch(() => {}); // `notified` rejects with it.
  };
  const routes = {
    objects,
    onStored,
    rewriteBytesPerCall: options.rewriteBytesPerCall ?? Number.POSITIVE_INFINITY,
  };
  const handle = (call: HttpCall): HttpReply => {
    const refused = refuse?.(call);
    if (refused) return refused;
    try {
      const { billed, ...reply } = routed(routes, call);
      meter.add(billed);
      return reply;
    } catch (error) {
      if (error instanceof Refusal) return error.reply(call.query.get("alt") === "media");
      throw error;
    }
  };
  const server = await serveTestHttp({ service: "storage", faults, handle, port });
  return {
    url: server.url,
    meter,
    setFaults: server.setFaults,
    setRefusals(next) {
      refuse = next;
    },
    createBucket: (bucket) => objects.createBucket(bucket),
    put(bucket, object, content, contentType = "application/octet-stream") {
      objects.createBucket(bucket);
      const overwritten = objects.find(bucket, object);
      const stored = objects.put(bucket, object, Buffer.from(content), { contentType });
      onStored(stored, overwritten);
      return String(stored.generation);
    },
    objects: (bucket) => objects.list(bucket).map(resourceOf),
    versions: (bucket) => objects.versions(bucket).map(resourceOf),
    content(gsUri) {
      const [, bucket = "", object = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(gsUri) ?? [];
      return objects.get(bucket, object, null).content;
    },
    notified: () => notifying,
    close: () => server.close(),
  };
}
