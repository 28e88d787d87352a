import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { eachTestConnected } from "./firestore/clients.ts";

const connected = eachTestConnected();

async function billed(work: () => Promise<unknown>) {
  const { meter } = connected().server;
  meter.reset();
  await work();
  const { index_entry_writes: _, ...rest } = meter.all();
  return rest;
}

test("writes and deletes are billed one by one, those that change nothing included", async () => {
  const { client } = connected();
  const document = client.doc("logs/a");
  expect(await billed(() => document.create({ n: 1 }))).toEqual({ rpc_commit: 1, document_writes: 1 });
  expect(await billed(() => document.set({ n: 1 }))).toEqual({ rpc_commit: 1, document_writes: 1 });
  expect(await billed(() => document.delete())).toEqual({ rpc_commit: 1, document_deletes: 1 });
  expect(await billed(() => document.delete())).toEqual({ rpc_commit: 1, document_deletes: 1 });
  const batch = client.batch();
  batch.create(client.doc("logs/a"), {}).create(client.doc("logs/b"), {}).delete(client.doc("logs/c"));
  expect(await billed(() => batch.commit())).toEqual({
    rpc_commit: 1,
    document_writes: 2,
    document_deletes: 1,
  });
});

test("refused requests are not billed", async () => {
  const { client } = connected();
  await client.doc("logs/a").create({});
  const refused = expect.objectContaining({ code: status.ALREADY_EXISTS });
  const create = () =>
    client
      .doc("logs/a")
      .create({})
      .catch((error: unknown) => expect(error).toEqual(refused));
  expect(await billed(create)).toEqual({ rpc_commit: 1 });
});

test("reads are billed by what they give, one at least", async () => {
  const { client } = connected();
  const logs = client.collection("logs");
  for (const n of [1, 2, 3]) await logs.doc(`l${n}`).create({ n });
  const lookUp = () => client.getAll(logs.doc("l1"), logs.doc("none"));
  expect(await billed(lookUp)).toEqual({ rpc_batch_get: 1, document_reads: 2 });
  expect(await billed(() => logs.get())).toEqual({ rpc_run_query: 1, document_reads: 3 });
  expect(await billed(() => logs.limit(2).get())).toEqual({ rpc_run_query: 1, document_reads: 2 });
  expect(await billed(() => logs.offset(1).limit(1).get())).toEqual({ rpc_run_query: 1, document_reads: 2 });
  expect(await billed(() => logs.where("n", "==", 9).get())).toEqual({ rpc_run_query: 1, document_reads: 1 });
});

test("a count is billed by the thousand index entries that match, one at least", async () => {
  const { client } = connected();
  const logs = client.collection("logs");
  const counted = { rpc_run_aggregation_query: 1 };
  expect(await billed(() => logs.count().get())).toEqual({ ...counted, document_reads: 1 });
  for (let from = 0; from < 1_001; from += 250) {
    const batch = client.batch();
    for (let n = from; n < Math.min(from + 250, 1_001); n++) batch.create(logs.doc(`l${n}`), { n });
    await batch.commit();
  }
  expect(await billed(() => logs.where("n", "<", 1_000).count().get())).toEqual({
    ...counted,
    document_reads: 1,
  });
  expect(await billed(() => logs.count().get())).toEqual({ ...counted, document_reads: 2 });
});
