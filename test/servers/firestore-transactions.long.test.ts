import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { database, eachTestConnected, nameOf } from "./firestore/clients.ts";

const connected = eachTestConnected();

async function beginTransaction(): Promise<Uint8Array> {
  const [{ transaction }] = await connected().calls.beginTransaction({ database });
  if (!(transaction instanceof Uint8Array)) throw new Error("A transaction without an id.");
  return transaction;
}

function read(transaction: Uint8Array, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connected()
      .calls.batchGetDocuments({ database, documents: [nameOf(path)], transaction })
      .on("data", resolve)
      .on("error", reject);
  });
}

const write = (path: string) => ({ update: { name: nameOf(path), fields: { n: { integerValue: 1 } } } });
/** Without the client's own second tries. */
const once = { retry: null };

describe("transactions", () => {
  test("lose no update, however many run at once", async () => {
    const { client } = connected();
    const document = client.doc("counters/c");
    await document.create({ n: 0 });
    const increment = () =>
      client.runTransaction(
        async (transaction) => {
          const n = Number((await transaction.get(document)).get("n"));
          transaction.update(document, { n: n + 1 });
        },
        { maxAttempts: 50 },
      );
    await Promise.all(Array.from({ length: 5 }, increment));
    expect((await document.get()).get("n")).toBe(5);
  });

  test("hold what they have read: a write from outside is ABORTED until they end", async () => {
    const { calls, server } = connected();
    for (const end of ["rollback", "commit"] as const) {
      const transaction = await beginTransaction();
      await read(transaction, "counters/c");
      await expect(calls.commit({ database, writes: [write("counters/c")] }, once)).rejects.toMatchObject({
        code: status.ABORTED,
      });
      const [{ status: statuses }] = await calls.batchWrite({ database, writes: [write("counters/c")] });
      expect(statuses).toMatchObject([{ code: status.ABORTED }]);
      if (end === "commit") await calls.commit({ database, transaction });
      else await calls.rollback({ database, transaction });
    }
    await calls.commit({ database, writes: [write("counters/c")] }, once);
    expect(server.dump()).toHaveLength(1);
  });

  test("that meet: the first to commit wins, the other is ABORTED", async () => {
    const { calls, server } = connected();
    const [winner, loser] = [await beginTransaction(), await beginTransaction()];
    for (const transaction of [winner, loser]) await read(transaction, "counters/c");
    await calls.commit({ database, transaction: winner, writes: [write("counters/c")] }, once);
    await expect(
      calls.commit({ database, transaction: loser, writes: [write("counters/d")] }, once),
    ).rejects.toMatchObject({ code: status.ABORTED });
    expect(server.dump().map(({ path }) => path)).toEqual(["counters/c"]);
  });

  test("that are never ended release their locks after a minute", async () => {
    const { calls, server } = connected();
    const transaction = await beginTransaction();
    await read(transaction, "counters/c");
    server.advance(61_000);
    await calls.commit({ database, writes: [write("counters/c")] }, once);
    await expect(calls.commit({ database, transaction }, once)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test("that only read see one moment and hold nothing", async () => {
    const { client } = connected();
    const document = client.doc("counters/c");
    await document.create({ n: 1 });
    const seen = await client.runTransaction(
      async (transaction) => {
        const first = (await transaction.get(document)).get("n");
        await document.update({ n: 2 });
        return [first, (await transaction.get(document)).get("n")];
      },
      { readOnly: true },
    );
    expect(seen).toEqual([1, 1]);
  });
});
