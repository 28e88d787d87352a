import { FieldValue } from "@google-cloud/firestore";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { database, eachTestConnected, nameOf } from "./firestore/clients.ts";

const connected = eachTestConnected();

describe("a document", () => {
  test("can be created once; the second time is ALREADY_EXISTS and changes nothing", async () => {
    const { client, server } = connected();
    await client.doc("batches/b1").create({ status: "RUNNING" });
    await expect(client.doc("batches/b1").create({ status: "ERROR" })).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
    expect(server.dump()).toMatchObject([{ path: "batches/b1", data: { status: "RUNNING" } }]);
  });

  test("that does not exist can't be updated: NOT_FOUND", async () => {
    const { client } = connected();
    await expect(client.doc("batches/b1").update({ status: "ERROR" })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    await expect(client.doc("batches/b1").delete({ exists: true })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  test("is updated and deleted only on the update time that it has: else FAILED_PRECONDITION", async () => {
    const { client, server } = connected();
    const document = client.doc("batches/b1");
    const first = await document.create({ attempt: 1 });
    const second = await document.update({ attempt: 2 }, { lastUpdateTime: first.writeTime });
    await expect(document.update({ attempt: 3 }, { lastUpdateTime: first.writeTime })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    await expect(document.delete({ lastUpdateTime: first.writeTime })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    expect(server.dump()).toMatchObject([{ data: { attempt: 2 } }]);
    await document.delete({ lastUpdateTime: second.writeTime });
    expect(server.dump()).toEqual([]);
    await expect(document.delete({ lastUpdateTime: second.writeTime })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
  });

  test("keeps its update time when a write changes nothing, and its create time for its whole life", async () => {
    const { client } = connected();
    const document = client.doc("batches/b1");
    const created = await document.create({ at: new Date(5), list: [1, { a: null }], map: { deep: 1.5 } });
    const same = await document.set({ map: { deep: 1.5 }, list: [1, { a: null }], at: new Date(5) });
    expect(same.writeTime.isEqual(created.writeTime)).toBe(true);
    const changed = await document.set({ at: new Date(6) });
    expect(changed.writeTime > created.writeTime).toBe(true);
    const read = await document.get();
    expect(read.createTime?.isEqual(created.writeTime)).toBe(true);
    expect(read.updateTime?.isEqual(changed.writeTime)).toBe(true);
    expect(read.readTime >= changed.writeTime).toBe(true);
  });

  test("gets strictly rising update times, in whole microseconds", async () => {
    const { client } = connected();
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, index) => client.doc(`batches/b${index}`).create({})),
    );
    const times = results.map(
      ({ writeTime }) => writeTime.seconds * 1_000_000 + writeTime.nanoseconds / 1_000,
    );
    expect(new Set(times).size).toBe(200);
    expect(times.every(Number.isInteger)).toBe(true);
  });

  test("is merged by the mask of an update: fields that the mask names and the write lacks go", async () => {
    const { client, server } = connected();
    const document = client.doc("batches/b1");
    await document.create({ keep: 1, map: { keep: 2, change: 3, "odd-name": 4 }, go: 5 });
    await document.update({
      "map.change": 6,
      "map.`odd-name`": FieldValue.delete(),
      go: FieldValue.delete(),
    });
    await document.set({ map: { added: 7 } }, { merge: true });
    expect(server.dump()).toMatchObject([{ data: { keep: 1, map: { keep: 2, change: 6, added: 7 } } }]);
    expect(server.dump()[0]?.data).not.toHaveProperty("go");
  });

  test("has its transforms applied at the commit", async () => {
    const { client, server } = connected();
    const document = client.doc("batches/b1");
    await document.create({ count: 1, list: ["a"] });
    await document.update({
      count: FieldValue.increment(2),
      ratio: FieldValue.increment(0.5),
      list: FieldValue.arrayUnion("a", "b"),
      at: FieldValue.serverTimestamp(),
    });
    await document.update({ list: FieldValue.arrayRemove("a") });
    const at = new Date(Math.floor((server.dump()[0]?.createTime ?? 0) / 1_000)).toISOString();
    expect(server.dump()[0]?.data).toMatchObject({ count: 3, ratio: 0.5, list: ["b"] });
    expect(String(server.dump()[0]?.data.at) >= at).toBe(true);
  });

  test("keeps every kind of value as it was written", async () => {
    const { client } = connected();
    const data = {
      nothing: null,
      yes: true,
      whole: Number.MAX_SAFE_INTEGER,
      part: -0.25,
      text: "ünï 🎉",
      bytes: Buffer.from([0, 255]),
      reference: client.doc("other/x"),
      list: [[], 1].slice(1),
      empty: {},
      zero: 0,
      none: "",
      no: false,
    };
    await client.doc("kinds/k").create(data);
    expect((await client.doc("kinds/k").get()).data()).toEqual(data);
  });
});

describe("a commit", () => {
  test("applies all its writes or none", async () => {
    const { client, server } = connected();
    await client.doc("batches/b2").create({});
    const batch = client.batch();
    batch.create(client.doc("batches/b1"), {});
    batch.create(client.doc("batches/b2"), {});
    await expect(batch.commit()).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    expect(server.dump().map(({ path }) => path)).toEqual(["batches/b2"]);
  });

  test("applies its writes in their order, each seeing the one before, all at one time", async () => {
    const { client, server } = connected();
    const document = client.doc("batches/b1");
    const batch = client.batch();
    batch.create(document, { a: 1 });
    batch.update(document, { b: 2 });
    batch.create(client.doc("batches/b2"), {});
    const results = await batch.commit();
    expect(server.dump()).toMatchObject([{ data: { a: 1, b: 2 } }, { path: "batches/b2" }]);
    expect(new Set(results.map(({ writeTime }) => writeTime.valueOf())).size).toBe(1);
  });

  const string = (stringValue: string) => ({ stringValue });
  const deep = (levels: number): object =>
    levels === 0 ? string("") : { mapValue: { fields: { a: deep(levels - 1) } } };
  const refused: Record<string, { name: string; fields?: Record<string, object> }> = {
    "an id of a dot": { name: nameOf("batches/.") },
    "a reserved id": { name: nameOf("batches/__b__") },
    "an empty id": { name: nameOf("batches/") },
    "an id of more than 1,500 bytes": { name: nameOf(`batches/${"ü".repeat(751)}`) },
    "the name of a collection": { name: nameOf("batches") },
    "another database": { name: "projects/test/databases/other/documents/batches/b1" },
    "a document of more than 1 MiB": {
      name: nameOf("batches/b1"),
      fields: { one: string("x".repeat(600_000)), two: string("x".repeat(500_000)) },
    },
    "a value of 1 MiB": { name: nameOf("batches/b1"), fields: { one: string("x".repeat(1_048_488)) } },
    "an array in an array": {
      name: nameOf("batches/b1"),
      fields: { one: { arrayValue: { values: [{ arrayValue: {} }] } } },
    },
    "maps of more than 20 levels": { name: nameOf("batches/b1"), fields: { one: deep(20) } },
    "a reserved field": { name: nameOf("batches/b1"), fields: { __one__: string("") } },
  };
  test.each(Object.entries(refused))("refuses %s: INVALID_ARGUMENT", async (_, update) => {
    const { calls, server } = connected();
    await expect(calls.commit({ database, writes: [{ update }] })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    expect(server.dump()).toEqual([]);
  });

  test("accepts values just within the limits", async () => {
    const { calls, server } = connected();
    const updates = [
      { name: nameOf(`batches/${"ü".repeat(750)}`) },
      { name: nameOf("batches/b1"), fields: { one: string("x".repeat(1_000_000)) } },
      { name: nameOf("batches/b2"), fields: { one: deep(19) } },
    ];
    await calls.commit({ database, writes: updates.map((update) => ({ update })) });
    expect(server.dump()).toHaveLength(3);
  });

  test("refuses more than 10 MiB, and more than 500 transforms of a document", async () => {
    const { calls } = connected();
    const large = Array.from({ length: 11 }, (_, index) => ({
      update: { name: nameOf(`batches/b${index}`), fields: { one: string("x".repeat(1_000_000)) } },
    }));
    await expect(calls.commit({ database, writes: large })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    const updateTransforms = Array.from({ length: 501 }, (_, index) => ({
      fieldPath: `f${index}`,
      increment: { integerValue: 1 },
    }));
    await expect(
      calls.commit({ database, writes: [{ update: { name: nameOf("batches/b") }, updateTransforms }] }),
    ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe("a batch write", () => {
  test("applies each write separately and answers with a status for each", async () => {
    const { calls, client, server } = connected();
    const { writeTime } = await client.doc("batches/old").create({ n: 0 });
    const stale = { seconds: writeTime.seconds - 1, nanos: 0 };
    const [answer] = await calls.batchWrite({
      database,
      writes: [
        { update: { name: nameOf("batches/new") }, currentDocument: { exists: false } },
        { update: { name: nameOf("batches/old") }, currentDocument: { updateTime: stale } },
        { delete: nameOf("batches/none"), currentDocument: { exists: true } },
        { update: { name: nameOf("batches/__b__x/c/d") } },
      ],
    });
    expect(answer.status?.map(({ code }) => code ?? 0)).toEqual([
      status.OK,
      status.FAILED_PRECONDITION,
      status.NOT_FOUND,
      status.OK,
    ]);
    expect(answer.writeResults?.map(({ updateTime }) => Boolean(updateTime))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(server.dump().map(({ path }) => path)).toEqual([
      "batches/__b__x/c/d",
      "batches/new",
      "batches/old",
    ]);
  });

  test("takes a document once, and 500 writes at most", async () => {
    const { calls, server } = connected();
    const writes = Array.from({ length: 501 }, (_, index) => ({
      update: { name: nameOf(`batches/b${index}`) },
    }));
    for (const refused of [[writes[0], writes[0]], writes]) {
      await expect(
        calls.batchWrite({ database, writes: refused.flatMap((write) => write ?? []) }),
      ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
    await calls.batchWrite({ database, writes: writes.slice(1) });
    expect(server.dump()).toHaveLength(500);
  });

  test("carries the client's bulk writer", async () => {
    const { client, server } = connected();
    await client.doc("batches/b7").create({});
    const writer = client.bulkWriter();
    writer.onWriteError(() => false);
    const outcomes = Array.from({ length: 50 }, (_, index) =>
      writer.create(client.doc(`batches/b${index}`), {}),
    );
    const settled = Promise.allSettled(outcomes);
    await writer.close();
    expect((await settled).filter(({ status: outcome }) => outcome === "rejected")).toHaveLength(1);
    expect(server.dump()).toHaveLength(50);
  });
});
