import { Storage } from "@google-cloud/storage";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noFaults } from "./kit/faults.ts";
import { serveTestHttp } from "./kit/http-server.ts";
import { crc32c } from "./storage/crc32c.ts";
import { publishTo, type StorageNotification } from "./storage/notifications.ts";
import { type StorageServer, startStorageServer } from "./storage/server.ts";

let server: StorageServer;
let client: Storage;
let notifications: StorageNotification[];

beforeEach(async () => {
  notifications = [];
  server = await startStorageServer({
    buckets: ["inbox"],
    rewriteBytesPerCall: 4,
    onFinalize: (notification) => void notifications.push(notification),
  });
  const options = { projectId: "p", apiEndpoint: server.url, useAuthWithCustomEndpoint: false };
  client = new Storage({ ...options, retryOptions: { autoRetry: false } });
});
afterEach(() => server.close());

const file = (object: string) => client.bucket("inbox").file(object);

test("checksums are those of the standard", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(Buffer.from("e3069283", "hex").toString("base64"));
  expect(crc32c(Buffer.from(""))).toBe("AAAAAA==");
});

describe("Google's own client", () => {
  test("uploads, looks, lists page by page, describes, copies, downloads and deletes", async () => {
    for (const object of ["a", "b/1", "b/2", "b/3", "c"])
      await file(object).save(`content of ${object}`, { resumable: false, contentType: "text/plain" });
    const page = { prefix: "b/", maxResults: 2, autoPaginate: false };
    const [first, next] = await client.bucket("inbox").getFiles(page);
    const [second, none] = await client.bucket("inbox").getFiles({ ...page, ...next });
    expect([first, second].map((files) => files.map(({ name }) => name))).toEqual([["b/1", "b/2"], ["b/3"]]);
    expect(none).toBeNull();
    await file("a").setMetadata({ metadata: { sender: "shop" } });
    expect((await file("a").getMetadata())[0]).toMatchObject({
      name: "a",
      size: "12",
      contentType: "text/plain",
      metageneration: "2",
      metadata: { sender: "shop" },
    });
    await file("a").copy(file("copy of a"));
    expect((await file("copy of a").download())[0].toString()).toBe("content of a");
    await file("a").delete();
    expect([await file("a").exists(), await file("c").exists()]).toEqual([[false], [true]]);
    expect(await client.bucket("inbox").exists()).toEqual([true]);
    expect(await client.bucket("outbox").exists()).toEqual([false]);
    const [allowed] = await client.bucket("inbox").iam.testPermissions(["storage.objects.get"]);
    expect(allowed).toEqual({ "storage.objects.get": true });
  });

  test("is refused as Google refuses", async () => {
    await expect(file("a").getMetadata()).rejects.toMatchObject({
      code: 404,
      message: "No such object: inbox/a",
    });
    await expect(file("a").download()).rejects.toMatchObject({
      code: 404,
      message: "No such object: inbox/a",
    });
    const nowhere = client.bucket("outbox").file("a");
    await expect(nowhere.save("x", { resumable: false })).rejects.toMatchObject({ code: 404 });
    const generation = Number(server.put("inbox", "a", "x"));
    const isFree = { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } };
    await expect(file("a").save("y", isFree)).rejects.toMatchObject({
      code: 412,
      errors: [{ reason: "conditionNotMet" }],
    });
    await expect(file("a").delete({ ifGenerationMatch: generation + 1 })).rejects.toMatchObject({
      code: 412,
    });
    await expect(file("a").delete({ ifMetagenerationMatch: 2 })).rejects.toMatchObject({ code: 412 });
    const other = client.bucket("inbox").file("a", { generation: generation - 1 });
    await expect(other.download()).rejects.toMatchObject({ code: 404 });
    expect(server.content("gs://inbox/a").toString()).toBe("x");
    await expect(client.createBucket("inbox")).rejects.toMatchObject({ code: 409 });
  });

  test("is billed for what succeeds", async () => {
    await file("a").save("x", { resumable: false });
    await file("a").download();
    await file("a").getMetadata();
    await file("b").exists();
    await client.bucket("inbox").getFiles();
    await file("a").delete();
    expect(server.meter.all()).toEqual({ class_a_operations: 2, class_b_operations: 2, deletes: 1 });
  });
});

test("a content alone is uploaded too", async () => {
  const url = `${server.url}/upload/storage/v1/b/inbox/o?uploadType=media&name=a%2Fb.csv`;
  const response = await fetch(url, { method: "POST", headers: { "content-type": "text/csv" }, body: "x,y" });
  expect(await response.json()).toMatchObject({ name: "a/b.csv", contentType: "text/csv", size: "3" });
});

test("an upload that does not have the hash it names is refused", async () => {
  const uploading = file("a").save("x", { resumable: false, metadata: { md5Hash: "AAAA" } });
  await expect(uploading).rejects.toMatchObject({ code: 400 });
  expect(server.objects("inbox")).toEqual([]);
});

test("a rewrite of a large object takes several calls, in each of which the conditions hold", async () => {
  const generation = server.put("inbox", "a", "0123456789");
  const rewrite = async (query: string) => {
    const url = `${server.url}/storage/v1/b/inbox/o/a/rewriteTo/b/inbox/o/b?ifGenerationMatch=0&${query}`;
    const response = await fetch(url, { method: "POST" });
    return { status: response.status, body: JSON.parse(await response.text()) };
  };
  const first = await rewrite(`ifSourceGenerationMatch=${generation}`);
  expect(first.body).toMatchObject({ done: false, totalBytesRewritten: "4", objectSize: "10" });
  const second = await rewrite(`rewriteToken=${first.body.rewriteToken}`);
  expect(second.body).toMatchObject({ done: false, totalBytesRewritten: "8" });
  const third = await rewrite(`rewriteToken=${second.body.rewriteToken}`);
  expect(third.body).toMatchObject({ done: true, resource: { name: "b", size: "10" } });
  expect(await rewrite(`rewriteToken=${second.body.rewriteToken}`)).toMatchObject({ status: 412 });
  expect(await rewrite("ifSourceGenerationMatch=1")).toMatchObject({ status: 412 });
  server.put("inbox", "a", "something new");
  await file("b").delete();
  expect(await rewrite(`rewriteToken=${first.body.rewriteToken}`)).toMatchObject({ status: 400 });
});

describe("notifications", () => {
  test("report every object that was made, and what it replaced", async () => {
    const first = server.put("inbox", "sales/may.csv", "one");
    await file("sales/may.csv").save("two!", { resumable: false });
    await file("sales/may.csv").copy(file("a"));
    await server.notified();
    const [one, two, three] = notifications;
    expect(one?.attributes).toMatchObject({
      eventType: "OBJECT_FINALIZE",
      bucketId: "inbox",
      objectId: "sales/may.csv",
      objectGeneration: first,
      payloadFormat: "JSON_API_V1",
    });
    expect(one?.attributes).not.toHaveProperty("overwroteGeneration");
    expect(two?.attributes).toMatchObject({ objectId: "sales/may.csv", overwroteGeneration: first });
    const { objectGeneration = "0" } = two?.attributes ?? {};
    expect(BigInt(objectGeneration)).toBeGreaterThan(BigInt(first));
    expect(JSON.parse(two?.data ?? "")).toMatchObject({ name: "sales/may.csv", bucket: "inbox", size: "4" });
    expect(three?.attributes).toMatchObject({ objectId: "a" });
    expect(notifications).toHaveLength(3);
  });

  test("reach a topic over REST", async () => {
    const published: unknown[] = [];
    const broker = await serveTestHttp({
      service: "pubsub",
      faults: noFaults,
      handle: (call) => {
        published.push([call.path, JSON.parse(call.body.toString())]);
        return { status: 200, body: { messageIds: ["1"] } };
      },
    });
    const notifying = await startStorageServer({
      onFinalize: publishTo(broker.url, "projects/p/topics/drops"),
    });
    const objectGeneration = notifying.put("inbox", "a", "x");
    await notifying.notified();
    expect(published).toEqual([
      [
        "/v1/projects/p/topics/drops:publish",
        {
          messages: [expect.objectContaining({ attributes: expect.objectContaining({ objectGeneration }) })],
        },
      ],
    ]);
    await notifying.close();
    await broker.close();
  });
});
