import { expect } from "vitest";
import type { ObjectName, ObjectStore } from "../../src/ports/objects.ts";

export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  /** An empty bucket. */
  readonly bucket: string;
  /** The names of all objects in it, sorted. */
  listing(): Promise<string[]>;
  /** What a move does before it loses its machine: the copy is there, and the source still is. */
  beginMove(from: Required<ObjectName>, to: ObjectName): Promise<void>;
}

export const bytes = (text: string) => new TextEncoder().encode(text);

/** A bucket and what the tests do with it. */
export async function opened(open: () => Promise<ObjectStoreUnderTest>) {
  const { store, bucket, listing, beginMove } = await open();
  const name = (object: string): ObjectName => ({ bucket, object });
  return {
    store,
    bucket,
    listing,
    beginMove,
    name,
    async drop(object: string, content: string): Promise<Required<ObjectName>> {
      const { generation } = await store.write(name(object), bytes(content), "text/csv");
      return { bucket, object, generation };
    },
    async content(object: string): Promise<string> {
      return new TextDecoder().decode(await store.read(name(object)));
    },
  };
}

export const refused = (code: string) => expect.objectContaining({ code });
