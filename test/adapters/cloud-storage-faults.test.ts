import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CloudObjectStore } from "../../src/adapters/storage/object-store.ts";
import type { ObjectInfo, ObjectName } from "../../src/ports/objects.ts";
import { type Fault, noFaults, randomFaults, strangeFaults } from "../servers/kit/faults.ts";
import { type StorageServer, startStorageServer } from "../servers/storage/server.ts";
import { casesOfCalls } from "../support/cases-of-today.ts";

const rewriteBytesPerCall = 1000;
let server: StorageServer;
let store: CloudObjectStore;
let bucket: string;
let buckets = 0;

beforeAll(async () => {
  server = await startStorageServer({ rewriteBytesPerCall });
  store = new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint: server.url });
});
afterAll(() => server.close());
beforeEach(() => {
  server.setFaults(noFaults);
  newBucket();
});

function newBucket(): void {
  buckets += 1;
  bucket = `bucket-${buckets}`;
  server.createBucket(bucket);
}

const name = (object: string): ObjectName => ({ bucket, object });
const names = () => server.objects(bucket).map((object) => object.name);
const content = (object: string) => server.content(`gs://${bucket}/${object}`).toString();
const bytes = (text: string) => new TextEncoder().encode(text);
/** Takes four calls to copy. */
const large = "0123456789".repeat(350);

const faults: readonly Fault[] = [
  { kind: "not_sent" },
  { kind: "reply_lost" },
  { kind: "error_after" },
  { kind: "duplicated" },
  { kind: "slow", delayMs: 20 },
  { kind: "unauthenticated" },
  ...strangeFaults,
];
const nameOf = (fault: Fault) =>
  fault.kind === "strange" ? `an answer that is ${fault.answer}` : fault.kind;

/** Prepares a new bucket and does something in it with a fault at its first call, at its second, … and at none. */
async function withFaultAtEachCall(
  faultAt: (call: number) => Fault,
  prepare: () => () => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at += 1) {
    newBucket();
    const act = prepare();
    let calls = 0;
    server.setFaults(() => (calls++ === at ? faultAt(at) : undefined));
    try {
      await act();
    } catch (error) {
      throw new Error(`With ${nameOf(faultAt(at))} at call ${at}`, { cause: error });
    }
    server.setFaults(noFaults);
    if (calls <= at) return at;
  }
}

describe.each(casesOfCalls(faults.map((fault) => [nameOf(fault), fault] as const)))(
  "under a fault at any one call (%s)",
  (_, faultAt) => {
    test("exactly the listed resources are removed", async () => {
      const calls = await withFaultAtEachCall(faultAt, () => {
        for (const object of ["a/1", "a/2", "b"]) server.put(bucket, object, "data");
        return async () => {
          const { objects } = await store.list({ bucket, prefix: "a/" }, { limit: 9 });
          for (const listed of objects) await store.remove(listed);
          expect(names()).toEqual(["b"]);
        };
      });
      expect(calls).toBe(3);
    });

    test("stat and read answer", async () => {
      const calls = await withFaultAtEachCall(faultAt, () => {
        const generation = server.put(bucket, "a", "data");
        return async () => {
          expect(await store.stat(name("a"))).toMatchObject({ generation, bytes: 4 });
          expect(Buffer.from(await store.read({ ...name("a"), generation })).toString()).toBe("data");
        };
      });
      expect(calls).toBe(2);
    });

    test("write writes, also over one generation only", async () => {
      const calls = await withFaultAtEachCall(faultAt, () => async () => {
        const first = await store.write(name("a"), bytes("one"), "text/plain");
        expect(first).toEqual(await store.stat(name("a")));
        const second = await store.write(
          { ...name("a"), generation: first.generation },
          bytes("two"),
          "text/plain",
        );
        expect(second).toEqual(await store.stat(name("a")));
        expect(content("a")).toBe("two");
      });
      expect(calls).toBe(4);
    });

    test("a move leaves one copy, and gives the same answer again", async () => {
      const calls = await withFaultAtEachCall(faultAt, () => {
        const generation = server.put(bucket, "a.csv", "data", "text/csv");
        return async () => {
          const from = { ...name("a.csv"), generation };
          const moved = await store.move(from, name("archive/a.csv"));
          expect(moved).toMatchObject({ object: "archive/a.csv", bytes: 4 });
          expect(names()).toEqual(["archive/a.csv"]);
          expect(await store.move(from, name("archive/a.csv"))).toEqual(moved);
        };
      });
      expect(calls).toBeGreaterThanOrEqual(5);
    });

    test("a move without a generation moves the object that existed at its start", async () => {
      await withFaultAtEachCall(faultAt, () => {
        server.put(bucket, "a.csv", "data", "text/csv");
        return async () => {
          const moved = await store.move(name("a.csv"), name("archive/a.csv"));
          expect(moved).toEqual(await store.stat(name("archive/a.csv")));
          expect(names()).toEqual(["archive/a.csv"]);
        };
      });
    });

    test("a move to a name that is taken replaces nothing and leaves one copy", async () => {
      await withFaultAtEachCall(faultAt, () => {
        server.put(bucket, "archive/a.csv", "precious");
        const generation = server.put(bucket, "a.csv", "data", "text/csv");
        return async () => {
          const marked = `archive/a.${generation.slice(0, 8)}.csv`;
          const from = { ...name("a.csv"), generation };
          const moved = await store.move(from, name("archive/a.csv"));
          expect(moved.object).toBe(marked);
          expect(names()).toEqual([marked, "archive/a.csv"]);
          expect(content("archive/a.csv")).toBe("precious");
          expect(await store.move(from, name("archive/a.csv"))).toEqual(moved);
        };
      });
    });

    test("a large object is moved in several calls", async () => {
      const calls = await withFaultAtEachCall(faultAt, () => {
        const generation = server.put(bucket, "a.csv", large, "text/csv");
        return async () => {
          const moved = await store.move({ ...name("a.csv"), generation }, name("archive/a.csv"));
          expect(moved).toMatchObject({ object: "archive/a.csv", bytes: large.length });
          expect(content("archive/a.csv")).toBe(large);
          expect(names()).toEqual(["archive/a.csv"]);
        };
      });
      expect(calls).toBeGreaterThanOrEqual(6);
    });
  },
);

describe("a move that loses its machine", () => {
  const isRemoval = ({ method }: { method: string }) => method.startsWith("DELETE");

  test("between copy and removal is finished by the next, with the same copy", async () => {
    const generation = server.put(bucket, "a.csv", large, "text/csv");
    server.setFaults((call) => (isRemoval(call) ? { kind: "not_sent" } : undefined));
    const from = { ...name("a.csv"), generation };
    await expect(store.move(from, name("archive/a.csv"))).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
      disposition: "retry",
    });
    expect(names()).toEqual(["a.csv", "archive/a.csv"]);
    const copy = await store.stat(name("archive/a.csv"));
    server.setFaults(noFaults);
    expect(await store.move(from, name("archive/a.csv"))).toEqual(copy);
    expect(names()).toEqual(["archive/a.csv"]);
  });

  test("in the middle of a copy leaves nothing behind, and starts again", async () => {
    const generation = server.put(bucket, "a.csv", large, "text/csv");
    let rewrites = 0;
    server.setFaults(({ method }) =>
      method.includes("rewriteTo") && ++rewrites > 2 ? { kind: "not_sent" } : undefined,
    );
    const from = { ...name("a.csv"), generation };
    await expect(store.move(from, name("archive/a.csv"))).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
    });
    expect(names()).toEqual(["a.csv"]);
    server.setFaults(noFaults);
    await store.move(from, name("archive/a.csv"));
    expect(names()).toEqual(["archive/a.csv"]);
  });
});

test("concurrent moves with faults leave one copy of each object, and agree on its name", async () => {
  for (const seed of [1, 2, 3, 4]) {
    newBucket();
    const objects = ["one", "two", "three"];
    const sources = objects.map((object) => ({
      ...name(object),
      generation: server.put(bucket, object, object.repeat(500)),
    }));
    server.setFaults(randomFaults(0.3, seed, 5));
    const answers = new Map<string, ObjectInfo[]>();
    const mover = async (from: Required<ObjectName>): Promise<void> => {
      const all = answers.get(from.object) ?? [];
      answers.set(from.object, all);
      all.push(await store.move(from, name("archive/all")));
    };
    await Promise.all([...sources, ...sources, ...sources].map(mover));
    server.setFaults(noFaults);
    expect(names()).toHaveLength(3);
    for (const object of objects) {
      const [first, ...others] = answers.get(object) ?? [];
      expect(others).toEqual([first, first]);
      expect(content(first?.object ?? "")).toBe(object.repeat(500));
    }
  }
});
