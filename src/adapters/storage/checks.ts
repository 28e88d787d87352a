import type { Storage } from "@google-cloud/storage";
import * as z from "zod";
import { codeOf } from "../../core/errors.ts";
import type { BucketChecks, BucketNotification, BucketSettings } from "../../ports/checks.ts";
import { openStorage, type StorageClientOptions } from "./connection.ts";

const BucketSchema = z.object({
  location: z.string().default(""),
  iamConfiguration: z
    .object({ uniformBucketLevelAccess: z.object({ enabled: z.boolean().default(false) }).optional() })
    .optional(),
});

const NotificationsSchema = z.object({
  items: z.array(z.object({ topic: z.string(), event_types: z.array(z.string()).default([]) })).default([]),
});

const PermissionsSchema = z.object({ permissions: z.array(z.string()).default([]) });

/** Looks at buckets. The client is loaded at the first call. */
export class StorageChecks implements BucketChecks {
  readonly #options: StorageClientOptions;
  #storage: Promise<Storage> | undefined;

  constructor(options: StorageClientOptions) {
    this.#options = options;
  }

  async bucket(name: string): Promise<BucketSettings | undefined> {
    try {
      const { location, iamConfiguration } = BucketSchema.parse(await this.#get(`/b/${name}`));
      const uniform = iamConfiguration?.uniformBucketLevelAccess;
      return { location, hasUniformAccess: iamConfiguration && (uniform?.enabled ?? false) };
    } catch (thrown) {
      if (codeOf(thrown) === 404) return undefined;
      throw thrown;
    }
  }

  async notifications(bucket: string): Promise<readonly BucketNotification[]> {
    const { items } = NotificationsSchema.parse(await this.#get(`/b/${bucket}/notificationConfigs`));
    return items.map(({ topic, event_types: eventTypes }) => ({
      topic: topic.split("/").at(-1) ?? "",
      eventTypes,
    }));
  }

  async permissions(bucket: string, asked: readonly string[]): Promise<readonly string[]> {
    const qs = { permissions: [...asked] };
    return PermissionsSchema.parse(await this.#get(`/b/${bucket}/iam/testPermissions`, qs)).permissions;
  }

  async #get(uri: string, qs: Readonly<Record<string, readonly string[]>> = {}): Promise<unknown> {
    this.#storage ??= openStorage(this.#options);
    const storage = await this.#storage;
    return new Promise((resolve, reject) => {
      storage.request({ uri, qs }, (error, body: unknown) => (error ? reject(error) : resolve(body)));
    });
  }
}
