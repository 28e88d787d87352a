import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CloudObjectStore } from "../../src/adapters/storage/object-store.ts";
import { noFaults } from "../servers/kit/faults.ts";
import { failure, type HttpCall, type HttpReply } from "../servers/kit/http-server.ts";
import { type StorageServer, startStorageServer } from "../servers/storage/server.ts";

let server: StorageServer;
let store: CloudObjectStore;

beforeEach(async () => {
  server = await startStorageServer({ buckets: ["p-inbox", "p-baton"] });
  store = new CloudObjectStore({
    projectId: "p",
    buckets: {
      inbox: { bucket: "p-inbox" },
      results: { bucket: "p-baton", prefix: "results/" },
      "dead-letters": { bucket: "p-baton", prefix: "dead-letters/" },
    },
    apiEndpoint: server.url,
  });
});
afterEach(() => server.close());

const bytes = (text: string) => new TextEncoder().encode(text);
const names = (bucket: string) => server.objects(bucket).map((object) => object.name);
const drop = (object: string, content: string) => ({
  bucket: "p-inbox",
  object,
  generation: server.put("p-inbox", object, content, "text/csv"),
});

describe("buckets", () => {
  test("a logical name is the real bucket, below its prefix, and answers by its own name", async () => {
    const info = await store.write(
      { bucket: "results", object: "b/t.json" },
      bytes("{}"),
      "application/json",
    );
    expect(info).toMatchObject({
      bucket: "results",
      object: "b/t.json",
      uri: "gs://p-baton/results/b/t.json",
    });
    expect(names("p-baton")).toEqual(["results/b/t.json"]);
    expect(server.content(info.uri).toString()).toBe("{}");
    expect(server.objects("p-baton")[0]).toMatchObject({ contentType: "application/json" });
    expect(await store.stat({ bucket: "results", object: "b/t.json" })).toEqual(info);
  });

  test("a real bucket of a notification is that bucket", async () => {
    const from = drop("sales/may.csv", "x");
    expect(await store.stat(from)).toEqual({ ...from, bytes: 1, uri: "gs://p-inbox/sales/may.csv" });
    const { generation, bytes: size } = await store.stat({ bucket: "inbox", object: "sales/may.csv" });
    expect([generation, size]).toEqual([from.generation, 1]);
  });

  test("a move that began under the logical name continues under the real one", async () => {
    const from = drop("a.csv", "x");
    const moved = await store.move(
      { ...from, bucket: "inbox" },
      { bucket: "inbox", object: "archive/a.csv" },
    );
    const again = await store.move(from, { bucket: "p-inbox", object: "archive/a.csv" });
    expect(again).toEqual({ ...moved, bucket: "p-inbox" });
  });

  test("objects move between buckets, and prefixes", async () => {
    const from = drop("a.csv", "x");
    const moved = await store.move(from, { bucket: "results", object: "a.csv" });
    expect(moved.uri).toBe("gs://p-baton/results/a.csv");
    expect([names("p-inbox"), names("p-baton")]).toEqual([[], ["results/a.csv"]]);
  });

  test.each(["", "UPPER", "a/../b", "a b", "..", "x", "b?c"])(
    "the bucket name %j is refused",
    async (bucket) => {
      const invalid = { code: "OBJECT_NAME_INVALID" };
      await expect(store.stat({ bucket, object: "a" })).rejects.toMatchObject(invalid);
    },
  );

  test.each(["a\nb", "\ud800", "ä".repeat(513), "x".repeat(1017)])(
    "the object name %j is refused",
    async (object) => {
      const invalid = { code: "OBJECT_NAME_INVALID" };
      await expect(store.stat({ bucket: "results", object })).rejects.toMatchObject(invalid);
    },
  );
});

describe("moves", () => {
  test("keep the metadata of an object, and add its origin", async () => {
    const from = drop("a.csv", "x");
    const url = `${server.url}/storage/v1/b/p-inbox/o/a.csv`;
    const said = { contentLanguage: "de", cacheControl: "no-store", metadata: { sender: "shop" } };
    await fetch(url, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(said),
    });
    await store.move(from, { bucket: "p-inbox", object: "archive/a.csv" });
    expect(server.objects("p-inbox")[0]).toMatchObject({
      contentType: "text/csv",
      contentLanguage: "de",
      cacheControl: "no-store",
      metadata: { sender: "shop", "baton-moved-from": `p-inbox/a.csv#${from.generation}` },
    });
  });

  test("equal content that existed before does not count as the copy", async () => {
    const there = drop("archive/a.csv", "same");
    const moved = await store.move(drop("a.csv", "same"), { bucket: "p-inbox", object: "archive/a.csv" });
    expect(moved.object).not.toBe("archive/a.csv");
    expect(await store.stat(there)).toMatchObject(there);
  });

  test("of one name dropped three times within 100 seconds keep all three", async () => {
    const moves = [];
    for (const text of ["one", "two", "three"]) {
      const from = drop("a.csv", text);
      moves.push(await store.move(from, { bucket: "p-inbox", object: "archive/a.csv" }));
    }
    expect(moves.map(({ uri }) => server.content(uri).toString())).toEqual(["one", "two", "three"]);
    expect(names("p-inbox")).toHaveLength(3);
  });

  test("do not move content that is written between the check and the copy", async () => {
    const from = drop("a.csv", "old");
    server.setFaults(({ method }) => {
      if (method.includes("rewriteTo")) server.put("p-inbox", "a.csv", "newer");
      return undefined;
    });
    const to = { bucket: "p-inbox", object: "archive/a.csv" };
    await expect(store.move(from, to)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(names("p-inbox")).toEqual(["a.csv"]);
  });

  test("do not move content that is written between two calls of a copy", async () => {
    const other = await startStorageServer({ rewriteBytesPerCall: 2 });
    const there = new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint: other.url });
    const generation = other.put("p-inbox", "a.csv", "123456");
    other.setFaults(({ method, index }) => {
      if (method.includes("rewriteTo") && index === 2) other.put("p-inbox", "a.csv", "newer!");
      return undefined;
    });
    const from = { bucket: "p-inbox", object: "a.csv", generation };
    const to = { bucket: "p-inbox", object: "archive/a.csv" };
    await expect(there.move(from, to)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(other.content("gs://p-inbox/a.csv").toString()).toBe("newer!");
    expect(other.objects("p-inbox")).toHaveLength(1);
    await other.close();
  });

  test("do not replace what takes the name between two calls of a copy", async () => {
    const other = await startStorageServer({ rewriteBytesPerCall: 2 });
    const there = new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint: other.url });
    const generation = other.put("p-inbox", "a.csv", "123456");
    other.setFaults(({ method, index }) => {
      if (method.includes("rewriteTo") && index === 2) other.put("p-inbox", "archive/a.csv", "precious");
      return undefined;
    });
    const from = { bucket: "p-inbox", object: "a.csv", generation };
    const moved = await there.move(from, { bucket: "p-inbox", object: "archive/a.csv" });
    expect(moved.object).toBe(`archive/a.${generation.slice(0, 8)}.csv`);
    expect(other.content("gs://p-inbox/archive/a.csv").toString()).toBe("precious");
    await other.close();
  });

  test("keep a new object that is written between the copy and the removal", async () => {
    const from = drop("a.csv", "old");
    server.setFaults(({ method }) => {
      if (method.startsWith("DELETE")) server.put("p-inbox", "a.csv", "newer");
      return undefined;
    });
    await store.move(from, { bucket: "p-inbox", object: "archive/a.csv" });
    server.setFaults(noFaults);
    expect(server.content("gs://p-inbox/a.csv").toString()).toBe("newer");
    expect(server.content("gs://p-inbox/archive/a.csv").toString()).toBe("old");
  });

  test("cost one look, one copy and one removal", async () => {
    const from = drop("a.csv", "x");
    await store.move(from, { bucket: "p-inbox", object: "archive/a.csv" });
    expect(server.meter.all()).toEqual({ class_a_operations: 1, class_b_operations: 1, deletes: 1 });
  });
});

test("a write without a reply is not sent again if the object is found", async () => {
  let calls = 0;
  server.setFaults(() => (calls++ === 0 ? { kind: "reply_lost" } : undefined));
  await store.write({ bucket: "results", object: "a" }, bytes("x"), "text/plain");
  expect(server.meter.all()).toEqual({ class_a_operations: 1, class_b_operations: 1 });
});

describe("refusals", () => {
  const refuseFirst = (times: number, reply: HttpReply) => {
    let left = times;
    server.setRefusals(() => (left-- > 0 ? reply : undefined));
  };
  const every = {
    stat: () => store.stat({ bucket: "inbox", object: "a.csv" }),
    read: () => store.read({ bucket: "inbox", object: "a.csv" }),
    write: () => store.write({ bucket: "inbox", object: "a.csv" }, bytes("x"), "text/csv"),
    move: () => store.move({ bucket: "inbox", object: "a.csv" }, { bucket: "inbox", object: "b.csv" }),
  };

  test.each(Object.entries(every))(
    "%s: what is not allowed is said, and not tried again",
    async (_, call) => {
      drop("a.csv", "data");
      let calls = 0;
      server.setRefusals(() => {
        calls += 1;
        return failure(403, "p@x does not have storage.objects.get access", "forbidden");
      });
      await expect(call()).rejects.toMatchObject({
        code: "FILE_DENIED",
        disposition: "none",
        message: expect.stringMatching(
          /^a\.csv: p@x does not have storage\.objects\.get access \(bucket inbox\)$/,
        ),
      });
      expect(calls).toBe(1);
    },
  );

  test.each(Object.entries(every))("%s: a bad request is said, and not tried again", async (_, call) => {
    drop("a.csv", "data");
    server.setRefusals(() => failure(400, "Nonsense.", "invalid"));
    await expect(call()).rejects.toMatchObject({
      code: "OBJECTS_REFUSED",
      disposition: "none",
      message: expect.stringContaining("Nonsense."),
    });
  });

  test.each(Object.entries(every))("%s: too many requests at once are sent later", async (_, call) => {
    drop("a.csv", "data");
    refuseFirst(2, failure(429, "Too many.", "rateLimitExceeded"));
    await call();
    refuseFirst(1, failure(403, "Too many.", "userRateLimitExceeded"));
    drop("a.csv", "data");
    await call();
  });

  test("what stays unavailable may be tried later", async () => {
    refuseFirst(6, failure(503, "Overloaded."));
    await expect(every.stat()).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
      disposition: "retry",
      message: expect.stringContaining("Overloaded."),
    });
  });

  test("an address where no server listens is unavailable", async () => {
    await server.close();
    await expect(every.stat()).rejects.toMatchObject({ code: "OBJECTS_UNAVAILABLE" });
  });
});

describe("damage on the way", () => {
  test("a content that does not have its checksum is read again", async () => {
    drop("a.csv", "data");
    let calls = 0;
    server.setRefusals((call) => {
      if (call.query.get("alt") !== "media" || calls++ > 0) return undefined;
      const headers = { "x-goog-hash": "crc32c=AAAAAA==", "x-goog-stored-content-encoding": "identity" };
      return { status: 200, headers, body: Buffer.from("dada") };
    });
    expect(Buffer.from(await store.read({ bucket: "inbox", object: "a.csv" })).toString()).toBe("data");
    expect(calls).toBe(2);
  });

  test("a content is written with its hash", async () => {
    const calls: HttpCall[] = [];
    server.setRefusals((call) => void calls.push(call));
    await store.write({ bucket: "inbox", object: "a" }, bytes("data"), "text/plain");
    expect(calls[0]?.body.toString()).toContain('"md5Hash":"jXd/OF09/siBXSD3SWAm3A=="');
  });
});
