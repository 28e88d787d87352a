import { resourceOf, type StoredObject } from "./objects.ts";

/** What a bucket publishes to its topic, as Pub/Sub carries it. */
export interface StorageNotification {
  readonly attributes: Readonly<Record<string, string>>;
  /** The resource of the object, as JSON. */
  readonly data: string;
}

export type OnFinalize = (notification: StorageNotification) => Promise<void> | void;

export function finalized(stored: StoredObject, overwritten: StoredObject | undefined): StorageNotification {
  const { bucket, object, generation } = stored;
  return {
    attributes: {
      notificationConfig: `projects/_/buckets/${bucket}/notificationConfigs/1`,
      eventType: "OBJECT_FINALIZE",
      payloadFormat: "JSON_API_V1",
      bucketId: bucket,
      objectId: object,
      objectGeneration: String(generation),
      eventTime: stored.createdAt,
      ...(overwritten ? { overwroteGeneration: String(overwritten.generation) } : {}),
    },
    data: JSON.stringify(resourceOf(stored)),
  };
}

/** Publishes notifications over Pub/Sub's REST. `topic`: `projects/p/topics/t`; `url` without a slash at its end. */
export function publishTo(url: string, topic: string): OnFinalize {
  return async ({ attributes, data }) => {
    const messages = [{ attributes, data: Buffer.from(data).toString("base64") }];
    const response = await fetch(`${url}/v1/${topic}:publish`, {
      method: "POST",
      // Any token will do: the server does not check whose it is.
      headers: { "content-type": "application/json", authorization: "Bearer storage" },
      body: JSON.stringify({ messages }),
    });
    if (!response.ok) throw new Error(`Publishing to ${topic} failed: ${response.status}`);
  };
}
