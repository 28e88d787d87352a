import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { eachTestConnected } from "./firestore/clients.ts";
import type { Fault, FaultPlan } from "./kit/faults.ts";

const connected = eachTestConnected();

/** Only the first call of the method has the fault. */
function first(method: string, fault: Fault): FaultPlan {
  let isDone = false;
  return (call) => {
    if (isDone || call.method !== method) return undefined;
    isDone = true;
    return fault;
  };
}

describe("a commit", () => {
  test("that was not sent is sent again by the client itself", async () => {
    const { client, server } = connected();
    server.setFaults(first("Commit", { kind: "not_sent" }));
    await client.doc("batches/b1").create({});
    expect(server.dump()).toHaveLength(1);
    expect(server.meter.of("rpc_commit")).toBe(1);
  });

  test("whose reply is lost looks like a lost race: the client's own success is ALREADY_EXISTS", async () => {
    const { client, server } = connected();
    server.setFaults(first("Commit", { kind: "reply_lost" }));
    await expect(client.doc("batches/b1").create({ nonce: "mine" })).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
    expect(server.dump()).toMatchObject([{ data: { nonce: "mine" } }]);
    expect(server.meter.of("rpc_commit")).toBe(2);
    expect(server.meter.of("document_writes")).toBe(1);
  });

  test("answers FAILED_PRECONDITION to a repeated update whose reply was lost", async () => {
    const { client, server } = connected();
    const { writeTime } = await client.doc("batches/b1").create({ n: 1 });
    server.setFaults(first("Commit", { kind: "reply_lost" }));
    await expect(
      client.doc("batches/b1").update({ n: 2 }, { lastUpdateTime: writeTime }),
    ).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(server.dump()).toMatchObject([{ data: { n: 2 } }]);
  });

  test("that ends in an internal error was applied, and is not tried again", async () => {
    const { client, server } = connected();
    server.setFaults(first("Commit", { kind: "error_after" }));
    await expect(client.doc("batches/b1").create({})).rejects.toMatchObject({ code: status.INTERNAL });
    expect(server.dump()).toHaveLength(1);
    expect(server.meter.of("rpc_commit")).toBe(1);
  });

  test("that arrives twice gets the second answer", async () => {
    const { client, server } = connected();
    server.setFaults(first("Commit", { kind: "duplicated" }));
    await expect(client.doc("batches/b1").create({})).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    expect(server.dump()).toHaveLength(1);
  });

  test("that is slow is applied late: another can come first", async () => {
    const { client, server } = connected();
    server.setFaults(first("Commit", { kind: "slow", delayMs: 500 }));
    const slow = client.doc("batches/b1").create({ by: "slow" });
    const lost = expect(slow).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    // The fault is for the call that comes first: once it has been decided, nothing can overtake this wait.
    await expect
      .poll(() =>
        client
          .doc("batches/b1")
          .create({ by: "quick" })
          .catch(() => "taken"),
      )
      .toBe("taken");
    await lost;
    expect(server.dump()).toHaveLength(1);
  });
});

test("reads that fail are tried again by the client", async () => {
  const { client, server } = connected();
  await client.doc("batches/b1").create({ n: 1 });
  const document = client.doc("batches/b1");
  for (const kind of ["reply_lost", "duplicated"] as const) {
    server.setFaults(first("BatchGetDocuments", { kind }));
    expect((await document.get()).get("n")).toBe(1);
    server.setFaults(first("RunQuery", { kind }));
    expect((await client.collection("batches").where("n", "==", 1).get()).size).toBe(1);
    server.setFaults(first("RunAggregationQuery", { kind }));
    expect((await client.collection("batches").count().get()).data().count).toBe(1);
  }
});
