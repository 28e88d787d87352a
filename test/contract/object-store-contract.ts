import { describe, expect, test } from "vitest";
import { describeMoves } from "./object-moves-contract.ts";
import { bytes, type ObjectStoreUnderTest, opened, refused } from "./object-store-place.ts";

/** What every object store must do: workflows and results rest on each of these. */
export function describeObjectStore(open: () => Promise<ObjectStoreUnderTest>): void {
  describe("reading and writing", () => describeContents(open));
  describe("generations", () => describeGenerations(open));
  describe("moving", () => describeMoves(open));
  describe("listing and removing", () => describeLists(open));
}

function describeContents(open: () => Promise<ObjectStoreUnderTest>): void {
  test("a written file is complete, and is replaced as a whole", async () => {
    const { store, name, content, listing } = await opened(open);
    await store.write(name("2026/may/sales.html"), bytes("longer than it"), "text/html");
    const info = await store.write(name("2026/may/sales.html"), bytes("two!"), "text/html");
    expect(info).toEqual(await store.stat(name("2026/may/sales.html")));
    expect(info).toMatchObject({ ...name("2026/may/sales.html"), bytes: 4 });
    expect(await content("2026/may/sales.html")).toBe("two!");
    expect(await listing()).toEqual(["2026/may/sales.html"]);
  });

  test("any bytes are kept, and none as well", async () => {
    const { store, name } = await opened(open);
    const all = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);
    await store.write(name("all"), all, "application/octet-stream");
    expect(Buffer.from(await store.read(name("all"))).equals(all)).toBe(true);
    const part = all.subarray(10, 20);
    await store.write(name("part"), part, "application/octet-stream");
    expect(Buffer.from(await store.read(name("part"))).equals(part)).toBe(true);
    expect(await store.write(name("none"), new Uint8Array(), "text/plain")).toMatchObject({ bytes: 0 });
    expect(await store.read(name("none"))).toHaveLength(0);
  });

  test.each([
    "a b+c.csv",
    "100%.csv",
    "%2e%2e",
    "q?a=b#c&d.csv",
    "äöü/日本 😀.csv",
    "..a/b..",
    "aa:b;c=d,@!$'()*",
  ])("the name %j is any other's equal", async (object) => {
    const { store, name, drop, content, listing } = await opened(open);
    await drop(object, "data");
    expect(await content(object)).toBe("data");
    expect(await listing()).toEqual([object]);
    const moved = await store.move(name(object), name(`archive/${object}`));
    expect(moved.object).toBe(`archive/${object}`);
    expect(await listing()).toEqual([`archive/${object}`]);
  });

  test("a missing object is reported as missing by every operation", async () => {
    const { store, name, bucket, drop } = await opened(open);
    const { generation } = await drop("there", "x");
    for (const asked of [
      name("a.csv"),
      name("no/such/folder.csv"),
      { bucket, object: "a.csv", generation },
      { bucket: "a-missing-bucket", object: "a.csv" },
    ]) {
      await expect(store.stat(asked)).rejects.toEqual(refused("FILE_MISSING"));
      await expect(store.read(asked)).rejects.toEqual(refused("FILE_MISSING"));
      await expect(store.move(asked, name("b"))).rejects.toEqual(refused("FILE_MISSING"));
    }
    await expect(
      store.write({ bucket, object: "a.csv", generation }, bytes("x"), "text/csv"),
    ).rejects.toEqual(refused("FILE_MISSING"));
    await expect(
      store.write({ bucket: "a-missing-bucket", object: "a" }, bytes("x"), "text/csv"),
    ).rejects.toEqual(refused("FILE_MISSING"));
  });

  test.each(["", ".", "..", "../secret", "a/../../secret", "./a", "a\0b"])(
    "the name %j is refused",
    async (object) => {
      const { store, name, drop, listing } = await opened(open);
      await drop("mine", "mine");
      const invalid = refused("OBJECT_NAME_INVALID");
      await expect(store.stat(name(object))).rejects.toEqual(invalid);
      await expect(store.read(name(object))).rejects.toEqual(invalid);
      await expect(store.write(name(object), bytes("x"), "text/plain")).rejects.toEqual(invalid);
      await expect(store.move(name(object), name("b"))).rejects.toEqual(invalid);
      await expect(store.move(name("mine"), name(object))).rejects.toEqual(invalid);
      expect(await listing()).toEqual(["mine"]);
    },
  );
}

function describeGenerations(open: () => Promise<ObjectStoreUnderTest>): void {
  test("new content has a new generation", async () => {
    const { drop } = await opened(open);
    const first = await drop("a.csv", "11");
    expect((await drop("a.csv", "22")).generation).not.toBe(first.generation);
  });

  test("one that is named must be the current one, and nothing happens when it is not", async () => {
    const { store, name, drop, content, listing } = await opened(open);
    const old = await drop("a.csv", "old");
    await drop("a.csv", "new");
    for (const asked of [old, { ...old, generation: "no generation at all" }, { ...old, generation: "0" }]) {
      const changed = refused("FILE_CHANGED");
      await expect(store.stat(asked)).rejects.toEqual(changed);
      await expect(store.read(asked)).rejects.toEqual(changed);
      await expect(store.write(asked, bytes("x"), "text/csv")).rejects.toEqual(changed);
      await expect(store.move(asked, name("b.csv"))).rejects.toEqual(changed);
    }
    expect(await content("a.csv")).toBe("new");
    expect(await listing()).toEqual(["a.csv"]);
  });

  test("the current one can be read, looked at and replaced by its generation", async () => {
    const { store, drop, content } = await opened(open);
    const now = await drop("a.csv", "now");
    expect(await store.stat(now)).toMatchObject(now);
    expect(new TextDecoder().decode(await store.read(now))).toBe("now");
    await store.write(now, bytes("later"), "text/csv");
    expect(await content("a.csv")).toBe("later");
  });
}

function describeLists(open: () => Promise<ObjectStoreUnderTest>): void {
  const objects = [
    "batch-1/a/1.json",
    "batch-1/b 100%.json",
    "batch-10/a.json",
    "steps/batch-1.x/1",
    "steps/y/2",
  ];

  async function dropped() {
    const place = await opened(open);
    for (const object of objects) await place.drop(object, object);
    const named = async (prefix: string, limit = 100) => {
      const names: string[] = [];
      let after: string | undefined;
      do {
        const options = { limit, ...(after !== undefined && { after }) };
        const page = await place.store.list({ bucket: place.bucket, prefix }, options);
        expect(page.objects.length).toBeLessThanOrEqual(limit);
        names.push(...page.objects.map(({ object }) => object));
        after = page.next;
      } while (after !== undefined);
      return names.sort();
    };
    return { ...place, named };
  }

  test("exactly the objects with the prefix are listed", async () => {
    const { named } = await dropped();
    expect(await named("batch-1/")).toEqual(["batch-1/a/1.json", "batch-1/b 100%.json"]);
    expect(await named("batch-1")).toEqual(objects.slice(0, 3));
    expect(await named("steps/batch-1.")).toEqual(["steps/batch-1.x/1"]);
    expect(await named("batch-1/b")).toEqual(["batch-1/b 100%.json"]);
    expect(await named("batch-2/")).toEqual([]);
    expect(await named("batch-1/a/1.json/")).toEqual([]);
  });

  test("pages follow each other, and have the requested size", async () => {
    const { named } = await dropped();
    for (const limit of [1, 2, 3]) expect(await named("batch-1", limit)).toEqual(objects.slice(0, 3));
  });

  test("exactly the listed objects are removed, and a repetition removes nothing", async () => {
    const { store, bucket, name, drop, named, listing } = await dropped();
    await drop("batch-1/a/1.json", "another content");
    const { objects: listed } = await store.list({ bucket, prefix: "batch-1/" }, { limit: 100 });
    for (const one of [...listed, ...listed]) await store.remove(one);
    expect(await named("batch-1/")).toEqual([]);
    expect(await listing()).toEqual(objects.slice(2));
    await expect(store.stat(name("batch-1/a/1.json"))).rejects.toEqual(refused("FILE_MISSING"));
    await drop("batch-1/a/1.json", "new");
    expect(await named("batch-1/")).toEqual(["batch-1/a/1.json"]);
  });

  test("a page that was removed does not keep the next from being found", async () => {
    const { store, bucket, listing } = await dropped();
    let after: string | undefined;
    do {
      const options = { limit: 1, ...(after !== undefined && { after }) };
      const page = await store.list({ bucket, prefix: "batch-1" }, options);
      for (const one of page.objects) await store.remove(one);
      after = page.next;
    } while (after !== undefined);
    expect(await listing()).toEqual(objects.slice(3));
  });

  test("a prefix leads no more out of the bucket than a name does", async () => {
    const { store, bucket } = await dropped();
    const invalid = refused("OBJECT_NAME_INVALID");
    await expect(store.list({ bucket, prefix: "../secret/" }, { limit: 1 })).rejects.toEqual(invalid);
    const listed = { bucket, object: "../secret", version: "1" };
    await expect(store.remove(listed)).rejects.toEqual(invalid);
  });
}
