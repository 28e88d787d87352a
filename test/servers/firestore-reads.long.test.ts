import { FieldPath, Timestamp } from "@google-cloud/firestore";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { database, eachTestConnected, nameOf } from "./firestore/clients.ts";

const connected = eachTestConnected();

/** Logs l0…l9 of batches b0 and b1 in turn, each with its number, its kind and its arrivals. */
async function tenLogs() {
  const { client } = connected();
  const batch = client.batch();
  for (let number = 0; number < 10; number++) {
    const data = { batchId: `b${number % 2}`, number, kind: number < 5 ? "early" : "late" };
    batch.create(client.doc(`logs/l${number}`), { ...data, arrivals: [`a${number % 3}`, "all"] });
  }
  await batch.commit();
  return client.collection("logs");
}

const ids = ({ docs }: { docs: { id: string }[] }) => docs.map(({ id }) => id);

describe("lookups", () => {
  test("report found and missing documents with the time of the read, and respect their mask", async () => {
    const { client } = connected();
    const { writeTime } = await client.doc("logs/l1").create({ a: 1, b: { c: 2, d: 3 } });
    const [found, missing] = await client.getAll(client.doc("logs/l1"), client.doc("logs/none"), {
      fieldMask: ["b.c"],
    });
    expect(found?.data()).toEqual({ b: { c: 2 } });
    expect(missing?.exists).toBe(false);
    expect([found, missing].every((snapshot) => snapshot && snapshot.readTime >= writeTime)).toBe(true);
  });

  test("see at most one hour of the past", async () => {
    const { client, server } = connected();
    const document = client.doc("logs/l1");
    const times = [];
    for (const n of [1, 2]) times.push((await document.set({ n })).writeTime);
    times.push((await document.delete()).writeTime, (await document.set({ n: 4 })).writeTime);
    const at = (readTime: Timestamp | undefined) =>
      client.runTransaction(
        async (transaction) => {
          const { docs } = await transaction.get(client.collection("logs").where("n", ">", 0));
          const looked = (await transaction.get(document)).get("n");
          expect(docs.map((one) => one.get("n"))).toEqual(looked === undefined ? [] : [looked]);
          return looked;
        },
        { readOnly: true, ...(readTime ? { readTime } : {}) },
      );
    const seen = [];
    for (const time of times) seen.push(await at(time));
    expect(seen).toEqual([1, 2, undefined, 4]);
    expect(await at(undefined)).toBe(4);
    server.advance(3_600_001);
    const { seconds = 0, nanoseconds: nanos = 0 } = times[0] ?? {};
    const tooOld = new Promise((resolve, reject) => {
      const request = { database, documents: [nameOf("logs/l1")], readTime: { seconds, nanos } };
      connected().calls.batchGetDocuments(request).on("data", resolve).on("error", reject);
    });
    await expect(tooOld).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });
});

describe("queries", () => {
  test("find what equals, what contains, what is one of several, and what is in a range", async () => {
    const logs = await tenLogs();
    expect(ids(await logs.where("batchId", "==", "b1").get())).toEqual(["l1", "l3", "l5", "l7", "l9"]);
    expect(ids(await logs.where("arrivals", "array-contains", "a2").get())).toEqual(["l2", "l5", "l8"]);
    expect(ids(await logs.where("number", "in", [7, 2, 99]).get())).toEqual(["l2", "l7"]);
    expect(ids(await logs.where("number", ">", 2).where("number", "<=", 4).get())).toEqual(["l3", "l4"]);
    expect(
      ids(
        await logs
          .where("arrivals", "array-contains", "all")
          .where("batchId", "==", "b0")
          .where("number", ">", 5)
          .get(),
      ),
    ).toEqual(["l6", "l8"]);
    expect(ids(await logs.where("number", "<", "text").get())).toEqual([]);
    expect(ids(await logs.where("number", "!=", 3).where("kind", "==", "early").get())).toEqual([
      "l0",
      "l1",
      "l2",
      "l4",
    ]);
  });

  test("distinguish null from a missing field", async () => {
    const { client } = connected();
    const logs = client.collection("logs");
    await logs.doc("null").create({ a: null });
    await logs.doc("none").create({ b: 1 });
    await logs.doc("some").create({ a: 1 });
    expect(ids(await logs.where("a", "==", null).get())).toEqual(["null"]);
    expect(ids(await logs.where("a", "!=", null).get())).toEqual(["some"]);
    expect(ids(await logs.orderBy("a").get())).toEqual(["null", "some"]);
  });

  test("follow each change of a document", async () => {
    const logs = await tenLogs();
    const late = logs.where("kind", "==", "late").where("arrivals", "array-contains", "a0");
    expect(ids(await late.get())).toEqual(["l6", "l9"]);
    await logs.doc("l6").update({ kind: "early" });
    await logs.doc("l0").update({ kind: "late" });
    await logs.doc("l9").delete();
    expect(ids(await late.get())).toEqual(["l0"]);
  });

  test("page by name and by field, from and to a cursor, included or not", async () => {
    const logs = await tenLogs();
    const byName = logs.where("batchId", "==", "b0").orderBy(FieldPath.documentId());
    expect(ids(await byName.startAfter("l2").limit(2).get())).toEqual(["l4", "l6"]);
    expect(ids(await byName.startAt("l2").endBefore("l6").get())).toEqual(["l2", "l4"]);
    expect(ids(await byName.limitToLast(2).get())).toEqual(["l6", "l8"]);
    const down = logs.orderBy("kind", "desc").orderBy("number");
    expect(ids(await down.startAfter("late", 8).endAt("early", 1).get())).toEqual(["l9", "l0", "l1"]);
    expect(
      ids(
        await down
          .startAfter(await logs.doc("l9").get())
          .limit(1)
          .get(),
      ),
    ).toEqual(["l0"]);
    expect(ids(await logs.orderBy("number", "desc").offset(2).limit(2).get())).toEqual(["l7", "l6"]);
  });

  test("give only the selected fields", async () => {
    const logs = await tenLogs();
    const { docs } = await logs.where("number", "==", 3).select("kind").get();
    expect(docs.map((document) => document.data())).toEqual([{ kind: "early" }]);
    const { docs: bare } = await logs.where("number", "==", 3).select().get();
    expect(bare.map((document) => document.data())).toEqual([{}]);
  });

  test("sort ids by the bytes of their UTF-8", async () => {
    const { client } = connected();
    const batch = client.batch();
    for (const id of ["z", "a", "ab", "\uffee", "😀", "Z", "10", "9"])
      batch.create(client.doc(`logs/${id}`), {});
    await batch.commit();
    expect(ids(await client.collection("logs").get())).toEqual([
      "10",
      "9",
      "Z",
      "a",
      "ab",
      "z",
      "\uffee",
      "😀",
    ]);
  });

  test("stay within their collection, unless they ask for its group", async () => {
    const { client } = connected();
    for (const path of ["logs/a", "logs/a/logs/b", "other/c/logs/d"]) await client.doc(path).create({ n: 1 });
    expect(ids(await client.collection("logs").where("n", "==", 1).get())).toEqual(["a"]);
    expect(ids(await client.doc("other/c").collection("logs").get())).toEqual(["d"]);
    expect(ids(await client.collectionGroup("logs").get())).toEqual(["a", "b", "d"]);
  });

  test("answer with a time even when they find nothing", async () => {
    const { client } = connected();
    const before = Timestamp.now().toMillis() - 60_000;
    const { readTime, empty } = await client.collection("logs").where("a", "==", 1).get();
    expect(empty).toBe(true);
    expect(readTime.toMillis()).toBeGreaterThan(before);
  });

  test("take 30 values in a list at most, and only one array", async () => {
    const { calls } = connected();
    const filter = (op: string, values: number) => ({
      fieldFilter: {
        field: { fieldPath: "a" },
        op,
        value: { arrayValue: { values: Array.from({ length: values }, (_, n) => ({ integerValue: n })) } },
      },
    });
    const run = (filters: object[]) =>
      new Promise((resolve, reject) => {
        const where = { compositeFilter: { op: "AND", filters } };
        const structuredQuery = { from: [{ collectionId: "logs" }], where };
        const stream = calls.runQuery({ parent: `${database}/documents`, structuredQuery } as object);
        stream.on("error", reject).on("data", resolve);
      });
    await run([filter("IN", 30)]);
    await expect(run([filter("IN", 31)])).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    const contains = filter("ARRAY_CONTAINS_ANY", 1);
    await expect(run([contains, contains])).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe("counts", () => {
  test("are strong: they see every commit that has returned", async () => {
    const { client } = connected();
    const of = client.collection("logs").where("arrivals", "array-contains", "join");
    for (let number = 1; number <= 20; number++) {
      await client.doc(`logs/l${number}`).create({ arrivals: ["join"] });
      expect((await of.count().get()).data().count).toBe(number);
    }
    await client.doc("logs/l1").update({ arrivals: [] });
    await client.doc("logs/l2").delete();
    expect((await of.count().get()).data().count).toBe(18);
  });

  test("hold for several conditions, limits and cursors", async () => {
    const logs = await tenLogs();
    const count = async (query: { count(): { get(): Promise<{ data(): { count: number } }> } }) =>
      (await query.count().get()).data().count;
    expect(await count(logs)).toBe(10);
    expect(await count(logs.limit(4))).toBe(4);
    expect(await count(logs.where("batchId", "==", "b0").where("kind", "==", "early"))).toBe(3);
    expect(await count(logs.where("batchId", "==", "none"))).toBe(0);
    expect(await count(logs.orderBy("number").startAfter(6))).toBe(3);
    expect(await count(logs.where("number", ">", 3).limit(2))).toBe(2);
  });

  test("stop at up_to", async () => {
    await tenLogs();
    const { calls } = connected();
    const counted = await new Promise<unknown>((resolve, reject) => {
      calls
        .runAggregationQuery({
          parent: `${database}/documents`,
          structuredAggregationQuery: {
            structuredQuery: { from: [{ collectionId: "logs" }] },
            aggregations: [{ alias: "n", count: { upTo: { value: 7 } } }],
          },
        })
        .on("data", ({ result }: { result: { aggregateFields: unknown } }) => resolve(result.aggregateFields))
        .on("error", reject);
    });
    expect(counted).toMatchObject({ n: { integerValue: "7" } });
  });
});

test("streams that are left out are UNIMPLEMENTED", async () => {
  const { calls } = connected();
  await expect(calls.getDocument({ name: nameOf("logs/l1") })).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
  });
  const listening = new Promise((_, reject) => calls.listen().on("error", reject).write({ database }));
  await expect(listening).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});
