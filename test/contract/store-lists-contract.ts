import { expect, test } from "vitest";
import type { DocumentKey, DocumentStore, TimeOrder } from "../../src/ports/store.ts";
import type { StoreUnderTest } from "./store-contract.ts";

const batch = (id: string): DocumentKey => ({ collection: "batches", id });

/** One a millisecond. Every fourth has not ended; the others did so the other way round. */
function batchOf(n: number) {
  const hasEnded = n % 4 !== 0;
  const endStatus = n % 5 === 0 ? "ERROR" : "SUCCESS";
  return {
    workflowId: n % 3 === 0 ? "thirds" : "others",
    status: hasEnded ? endStatus : "RUNNING",
    startedBy: n % 2 === 0 ? "manual" : "schedule 2026-11-30T00:00:00Z",
    input: { n: n % 10, nested: { n }, text: "x" },
    createdAt: 1_000 + n,
    endedAt: hasEnded ? 9_000 - n : null,
  };
}

async function manyBatches(store: DocumentStore) {
  for (let n = 0; n < 60; n += 1)
    await store.commit([{ kind: "create", key: batch(`b${n}`), data: batchOf(n) }]);
  return async (fields: Record<string, string>, order: Partial<TimeOrder> = {}, limit = 99) => {
    const conditions = Object.entries(fields).map(([field, equals]) => ({ field, equals }));
    const found = await store.newest("batches", conditions, { by: "createdAt", ...order }, limit);
    return found.documents.map(({ data }) => Number(data.createdAt) - 1_000);
  };
}

const numbers = (wanted: (n: number) => boolean) =>
  Array.from({ length: 60 }, (_, n) => 59 - n).filter(wanted);

/** What every document store must do with lists in the order of a time. */
export function describeStoreLists(open: () => StoreUnderTest | Promise<StoreUnderTest>): void {
  test("documents are listed by a time, newest first, and restricted by every field of lists", async () => {
    const { store } = await open();
    const list = await manyBatches(store);
    expect(await list({})).toEqual(numbers(() => true));
    expect(await list({}, {}, 7)).toEqual([59, 58, 57, 56, 55, 54, 53]);
    expect(await list({ workflowId: "thirds" }, {}, 3)).toEqual([57, 54, 51]);
    expect(await list({ status: "ERROR" })).toEqual(numbers((n) => n % 5 === 0 && n % 4 !== 0));
    expect(await list({ trigger: "manual", status: "RUNNING" })).toEqual(numbers((n) => n % 4 === 0));
    expect(await list({ inputs: "n=3" })).toEqual([53, 43, 33, 23, 13, 3]);
    expect(await list({ inputs: "n=3", workflowId: "thirds", trigger: "schedule" })).toEqual([33, 3]);
    expect(await list({ workflowId: "thirds", status: "SUCCESS", trigger: "manual" })).toEqual(
      numbers((n) => n % 3 === 0 && n % 2 === 0 && n % 4 !== 0 && n % 5 !== 0),
    );
    expect(await list({ workflowId: "unknown" })).toEqual([]);
    expect(await list({ inputs: "nested=3" })).toEqual([]);
  });

  test("a list by the time of the end has no document without one, and follows a change of it", async () => {
    const { store } = await open();
    const list = await manyBatches(store);
    const ended = numbers((n) => n % 4 !== 0).reverse();
    expect(await list({}, { by: "endedAt" })).toEqual(ended);
    expect(await list({ status: "ERROR" }, { by: "endedAt" }, 2)).toEqual([5, 10]);
    const { document } = await store.get(batch("b8"));
    if (!document) throw new Error("It was created");
    const data = { ...document.data, status: "ERROR", endedAt: 20_000 };
    await store.commit([{ kind: "update", key: batch("b8"), version: document.version, data }]);
    expect(await list({ status: "ERROR" }, { by: "endedAt" }, 2)).toEqual([8, 5]);
    expect(await list({ workflowId: "others" }, { by: "endedAt" }, 1)).toEqual([8]);
    expect(await list({ inputs: "n=8" }, { by: "endedAt" })).toEqual([8, 18, 38, 58]);
  });

  test("a list begins and ends at times, and continues after a document, also one that is gone", async () => {
    const { store } = await open();
    const list = await manyBatches(store);
    expect(await list({}, { from: 1_010, before: 1_014 })).toEqual([13, 12, 11, 10]);
    const seen: number[] = [];
    for (let last = 60; last > 0; last = seen.at(-1) ?? 0) {
      const startAfter = last === 60 ? {} : { startAfter: { at: 1_000 + last, id: `b${last}` } };
      seen.push(...(await list({}, startAfter, 7)));
    }
    expect(seen).toEqual(numbers(() => true));
    const gone = await store.get(batch("b30"));
    await store.commit([{ kind: "delete", key: batch("b30"), version: gone.document?.version ?? 0 }]);
    expect(await list({}, { startAfter: { at: 1_030, id: "b30" } }, 2)).toEqual([29, 28]);
    expect(await list({ inputs: "n=0" }, {}, 3)).toEqual([50, 40, 20]);
  });

  test("of documents with the same time each is listed once", async () => {
    const { store } = await open();
    for (let n = 0; n < 9; n += 1)
      await store.commit([
        { kind: "create", key: batch(`b${n}`), data: { workflowId: "w", status: "RUNNING", createdAt: 5 } },
      ]);
    const seen: string[] = [];
    for (;;) {
      const id = seen.at(-1);
      const order = { by: "createdAt", ...(id !== undefined && { startAfter: { at: 5, id } }) };
      const { documents } = await store.newest("batches", [], order, 2);
      if (documents.length === 0) break;
      seen.push(...documents.map(({ key }) => key.id));
    }
    expect(seen.toSorted()).toEqual(Array.from({ length: 9 }, (_, n) => `b${n}`));
  });
}
