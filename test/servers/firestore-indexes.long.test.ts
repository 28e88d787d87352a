import { FieldPath } from "@google-cloud/firestore";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { eachTestConnected } from "./firestore/clients.ts";

const indexes = {
  indexes: [
    {
      collectionGroup: "logs",
      queryScope: "COLLECTION",
      fields: [
        { fieldPath: "batchId", order: "ASCENDING" },
        { fieldPath: "arrivals", arrayConfig: "CONTAINS" },
      ],
    },
    {
      collectionGroup: "logs",
      queryScope: "COLLECTION",
      fields: [
        { fieldPath: "batchId", order: "ASCENDING" },
        { fieldPath: "number", order: "DESCENDING" },
      ],
    },
    {
      collectionGroup: "logs",
      queryScope: "COLLECTION",
      fields: [
        { fieldPath: "kind", order: "ASCENDING" },
        { fieldPath: "number", order: "DESCENDING" },
      ],
    },
  ],
  fieldOverrides: [
    { collectionGroup: "logs", fieldPath: "payload", indexes: [] },
    { collectionGroup: "logs", fieldPath: "expiresAt", ttl: true, indexes: [] },
    {
      collectionGroup: "logs",
      fieldPath: "code",
      indexes: [
        { order: "ASCENDING", queryScope: "COLLECTION" },
        { order: "ASCENDING", queryScope: "COLLECTION_GROUP" },
      ],
    },
    { collectionGroup: "sparse", fieldPath: "*", indexes: [] },
    { collectionGroup: "sparse", fieldPath: "status", indexes: [{ order: "ASCENDING" }] },
  ],
};

const connected = eachTestConnected(() => ({ indexes }));
const logs = () => connected().client.collection("logs");
const sparse = () => connected().client.collection("sparse");
const group = () => connected().client.collectionGroup("logs");

describe("queries on declared indexes", () => {
  const carried = {
    "everything, by name": () => logs().orderBy(FieldPath.documentId()).startAfter("a"),
    "one equality": () => logs().where("batchId", "==", "b"),
    "several equalities, merged": () => logs().where("batchId", "==", "b").where("other", "in", [1, 2]),
    "an equality, by name": () => logs().where("batchId", "==", "b").orderBy(FieldPath.documentId()),
    "an element of an array": () => logs().where("arrivals", "array-contains", "a"),
    "a range": () => logs().where("number", ">", 1).where("number", "<", 5).orderBy("number"),
    "one order downwards": () => logs().orderBy("number", "desc"),
    "an equality and an element": () =>
      logs().where("batchId", "==", "b").where("arrivals", "array-contains", "a"),
    "an equality, an element, and an equality merged": () =>
      logs().where("batchId", "==", "b").where("arrivals", "array-contains", "a").where("other", "==", 1),
    "an equality in the order of another field": () =>
      logs().where("batchId", "==", "b").orderBy("number", "desc"),
    "two composite indexes of one order, merged": () =>
      logs().where("batchId", "==", "b").where("kind", "==", "k").orderBy("number", "desc"),
    "a field of a map": () => logs().where("map.inner", "==", 1),
    "the one field that is indexed": () => sparse().where("status", "==", "s"),
    "a group on a field that is indexed for groups": () => group().where("code", "==", 1),
  };
  test.each(Object.entries(carried))("carry %s", async (_, query) => {
    expect((await query().get()).empty).toBe(true);
    expect((await query().count().get()).data().count).toBe(0);
  });

  const missing = {
    "an exempted field": () => logs().where("payload", "==", 1),
    "the inside of an exempted map": () => logs().where("payload.inner", "==", 1),
    "the time to live, exempted": () => logs().where("expiresAt", "<", new Date()),
    "an order of an exempted field": () => logs().orderBy("payload"),
    "an exempted field beside an equality": () =>
      logs().where("batchId", "==", "b").where("payload", "==", 1),
    "a direction that an override left out": () => logs().orderBy("code", "desc"),
    "a field that a star exempts": () => sparse().where("anything", "==", 1),
    "an element of an array that a star exempts": () => sparse().where("status", "array-contains", 1),
    "an equality in the other direction": () => logs().where("batchId", "==", "b").orderBy("number"),
    "an equality and a range without an index": () => logs().where("other", "==", 1).where("number", ">", 1),
    "an element and an equality without an index": () =>
      logs().where("other", "==", "b").where("arrivals", "array-contains", "a"),
    "two orders": () => logs().orderBy("number").orderBy("kind"),
    "a group on a field that is indexed for collections": () => group().where("batchId", "==", "b"),
  };
  test.each(Object.entries(missing))("do not carry %s: FAILED_PRECONDITION", async (_, query) => {
    const refusal = {
      code: status.FAILED_PRECONDITION,
      message: expect.stringContaining("The query requires an index."),
    };
    await expect(query().get()).rejects.toMatchObject(refusal);
    await expect(query().count().get()).rejects.toMatchObject(refusal);
  });
});

describe("index entries", () => {
  test("are counted as a write adds and removes them", async () => {
    const { server } = connected();
    const entriesOf = async (write: () => Promise<unknown>) => {
      server.meter.reset();
      await write();
      return server.meter.of("index_entry_writes");
    };
    const document = logs().doc("l1");
    expect(await entriesOf(() => document.create({ payload: { text: "x" }, expiresAt: new Date() }))).toBe(0);
    expect(await entriesOf(() => document.update({ number: 1 }))).toBe(2);
    expect(await entriesOf(() => document.update({ code: 1 }))).toBe(2);
    expect(await entriesOf(() => document.update({ number: 2, payload: "y" }))).toBe(4);
    expect(await entriesOf(() => document.update({ batchId: "b" }))).toBe(3);
    expect(await entriesOf(() => document.update({ arrivals: ["a", "b", "a"] }))).toBe(4);
    expect(await entriesOf(() => document.update({ number: 2 }))).toBe(0);
    expect(await entriesOf(() => document.delete())).toBe(2 + 2 + 3 + 4);
    expect(await entriesOf(() => sparse().doc("s").create({ a: 1, status: 2 }))).toBe(1);
  });
});

describe("the time to live", () => {
  test("removes documents whose time is over by the store's clock, and bills the deletes", async () => {
    const { server } = connected();
    const inAnHour = new Date(server.now() + 3_600_000);
    await logs().doc("soon").create({ expiresAt: inAnHour });
    await logs()
      .doc("later")
      .create({ expiresAt: new Date(server.now() + 7_200_000) });
    await logs().doc("never").create({ expiresAt: null });
    await sparse()
      .doc("other")
      .create({ expiresAt: new Date(0) });
    expect(server.expireNow()).toBe(0);
    server.advance(3_600_000);
    expect((await logs().doc("soon").get()).exists).toBe(true);
    expect(server.expireNow()).toBe(1);
    expect(server.meter.of("document_deletes")).toBe(1);
    expect(server.dump().map(({ path }) => path)).toEqual(["logs/later", "logs/never", "sparse/other"]);
    await logs().doc("soon").create({});
  });
});
