import type { Storage } from "@google-cloud/storage";
import * as z from "zod";
import { codeOf } from "../../core/errors.ts";
import type { BucketChecks, BucketNotification, BucketSettings } from "../../ports/checks.ts";
import { answerOf } from "../remote/service-answer.ts";
import { openStorage, type StorageClientOptions } from "./connection.ts";

const BucketSchema = z.object({
  name: z.string(),
  location: z.string().default(""),
  iamConfiguration: z
    .object({ uniformBucketLevelAccess: z.object({ enabled: z.boolean().default(false) }).optional() })
    .optional(),
});

const NotificationsSchema = z.object({
  kind: z.literal("storage#notifications"),
  items: z.array(z.object({ topic: z.string(), event_types: z.array(z.string()).default([]) })).default([]),
});

const PermissionsSchema = z.object({
  kind: z.literal("storage#testIamPermissionsResponse"),
  permissions: z.array(z.string()).default([]),
});

/** Looks at buckets. The client is loaded at the first call. */
export class StorageChecks implements BucketChecks {
  readonly #options: StorageClientOptions;
  #storage: Promise<Storage> | undefined;

  constructor(options: StorageClientOptions) {
    this.#options = options;
  }

  async bucket(name: string): Promise<BucketSettings | undefined> {
    try {
      const { location, iamConfiguration } = await this.#get(`/b/${name}`, BucketSchema);
      const uniform = iamConfiguration?.uniformBucketLevelAccess;
      return { location, hasUniformAccess: iamConfiguration && (uniform?.enabled ?? false) };
    } catch (thrown) {
      if (codeOf(thrown) === 404) return undefined;
      throw thrown;
    }
  }

  async notifications(bucket: string): Promise<readonly BucketNotification[]> {
    const { items } = await this.#get(`/b/${bucket}/notificationConfigs`, NotificationsSchema);
    return items.map(({ topic, event_types: eventTypes }) => ({
      topic: topic.split("/").at(-1) ?? "",
      eventTypes,
    }));
  }

  async permissions(bucket: string, asked: readonly string[]): Promise<readonly string[]> {
    const qs = { permissions: [...asked] };
    return (await this.#get(`/b/${bucket}/iam/testPermissions`, PermissionsSchema, qs)).permissions;
  }

  /** Throws what the client throws, a `StrangeAnswerError` too. */
  async #get<Answer>(
    uri: string,
    schema: z.ZodType<Answer>,
    qs: Readonly<Record<string, readonly string[]>> = {},
  ): Promise<Answer> {
    this.#storage ??= openStorage(this.#options);
    const storage = await this.#storage;
    const answer = Promise.withResolvers<unknown>();
    storage.request({ uri, qs }, (error, body: unknown) =>
      error ? answer.reject(error) : answer.resolve(body),
    );
    return answerOf(schema, await answer.promise);
  }
}
