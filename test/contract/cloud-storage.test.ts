import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { CloudObjectStore } from "../../src/adapters/storage/object-store.ts";
import { type StorageServer, startStorageServer } from "../servers/storage/server.ts";
import { describeObjectStore } from "./object-store-contract.ts";
import type { ObjectStoreUnderTest } from "./object-store-place.ts";

const ListSchema = z.object({ items: z.array(z.object({ name: z.string() })).default([]) });

/** Some servers send a token with the last answer, too. */
const RewriteSchema = z.object({ done: z.boolean(), rewriteToken: z.string().optional() });

async function asked(url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, { ...init, headers: { "content-type": "application/json" } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** A new bucket of whatever speaks Cloud Storage's JSON API there, looked at from outside. */
async function bucketAt(endpoint: string): Promise<ObjectStoreUnderTest> {
  const bucket = `baton-${randomUUID()}`;
  const api = `${endpoint}/storage/v1/b`;
  await asked(`${api}?project=baton-test`, { method: "POST", body: JSON.stringify({ name: bucket }) });
  const object = (name: string) => `${bucket}/o/${encodeURIComponent(name)}`;
  return {
    store: new CloudObjectStore({ projectId: "baton-test", buckets: {}, apiEndpoint: endpoint }),
    bucket,
    async listing() {
      const { items } = ListSchema.parse(await asked(`${api}/${bucket}/o`));
      return items.map(({ name }) => name).sort();
    },
    async beginMove(from, to) {
      const metadata = { "baton-moved-from": `${bucket}/${from.object}#${from.generation}` };
      const url = `${api}/${object(from.object)}/rewriteTo/b/${object(to.object)}`;
      const init = { method: "POST", body: JSON.stringify({ contentType: "text/csv", metadata }) };
      for (let next: string | undefined = url; next !== undefined; ) {
        const { done, rewriteToken } = RewriteSchema.parse(await asked(next, init));
        next = done ? undefined : `${url}?rewriteToken=${rewriteToken}`;
      }
    },
  };
}

/** Set from outside, the contract is tried on that server, an emulator for instance. */
const outside = process.env.STORAGE_EMULATOR_HOST;

describe.runIf(outside)("Cloud Storage from outside keeps the contract", () => {
  const endpoint = outside?.includes("://") ? outside : `http://${outside}`;
  describeObjectStore(() => bucketAt(endpoint));
});

describe.skipIf(outside)("Cloud Storage keeps the contract", () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorageServer();
  });
  afterAll(() => server.close());
  describeObjectStore(() => bucketAt(server.url));
});

describe.skipIf(outside)("Cloud Storage keeps the contract in buckets that keep what was overwritten", () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorageServer({ keepsVersions: true });
  });
  afterAll(() => server.close());
  describeObjectStore(() => bucketAt(server.url));

  test("overwritten contents are listed, and removed with the others", async () => {
    const { store, bucket } = await bucketAt(server.url);
    for (const text of ["one", "two", "three"])
      await store.write({ bucket, object: "a" }, Buffer.from(text), "text/plain");
    const { objects } = await store.list({ bucket, prefix: "a" }, { limit: 2 });
    expect(objects.map(({ object }) => object)).toEqual(["a", "a"]);
    for (const one of objects) await store.remove(one);
    expect(Buffer.from(await store.read({ bucket, object: "a" })).toString()).toBe("three");
    expect(server.versions(bucket)).toMatchObject([{ name: "a", size: "5" }]);
  });
});

describe.skipIf(outside)("Cloud Storage keeps the contract when a rewrite takes several calls", () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorageServer({ rewriteBytesPerCall: 2 });
  });
  afterAll(() => server.close());
  describeObjectStore(() => bucketAt(server.url));
});
