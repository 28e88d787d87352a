import { expect, test } from "vitest";
import { type ObjectStoreUnderTest, opened, refused } from "./object-store-place.ts";

export function describeMoves(open: () => Promise<ObjectStoreUnderTest>): void {
  test("the object is at its new name, and no longer at the old one", async () => {
    const { store, name, drop, content, listing } = await opened(open);
    const moved = await store.move(await drop("sales/a.csv", "data"), name("archive/sales/a.csv"));
    expect(moved).toEqual(await store.stat(name("archive/sales/a.csv")));
    expect(await listing()).toEqual(["archive/sales/a.csv"]);
    expect(await content("archive/sales/a.csv")).toBe("data");
  });

  test("doing it again gives the same answer, also when a new object has taken the old name", async () => {
    const { store, name, drop, content } = await opened(open);
    const from = await drop("a.csv", "monday");
    const first = await store.move(from, name("archive/a.csv"));
    expect(await store.move(from, name("archive/a.csv"))).toEqual(first);
    await drop("a.csv", "tuesday");
    expect(await store.move(from, name("archive/a.csv"))).toEqual(first);
    expect(await content("a.csv")).toBe("tuesday");
  });

  test("a move that stopped between copy and removal is finished by the next", async () => {
    const { store, name, drop, listing, beginMove } = await opened(open);
    const from = await drop("a.csv", "data");
    await beginMove(from, name("archive/a.csv"));
    expect(await listing()).toEqual(["a.csv", "archive/a.csv"]);
    const moved = await store.move(from, name("archive/a.csv"));
    expect(moved).toEqual(await store.stat(name("archive/a.csv")));
    expect(await listing()).toEqual(["archive/a.csv"]);
  });

  test("a move that stopped is known again after a new object has taken the old name", async () => {
    const { store, name, drop, content, beginMove } = await opened(open);
    const from = await drop("a.csv", "monday");
    await beginMove(from, name("archive/a.csv"));
    await drop("a.csv", "tuesday");
    expect((await store.move(from, name("archive/a.csv"))).object).toBe("archive/a.csv");
    expect(await content("archive/a.csv")).toBe("monday");
    expect(await content("a.csv")).toBe("tuesday");
  });

  test("other content is never replaced: the name gets 8 characters of the generation, every time", async () => {
    const { store, name, drop, content, listing } = await opened(open);
    await drop("archive/a.csv", "precious");
    const from = await drop("a.csv", "new");
    const moved = await store.move(from, name("archive/a.csv"));
    expect(moved.object).toBe(`archive/a.${from.generation.slice(0, 8)}.csv`);
    expect(await content("archive/a.csv")).toBe("precious");
    expect(await content(moved.object)).toBe("new");
    expect(await store.move(from, name("archive/a.csv"))).toEqual(moved);
    expect(await listing()).toEqual([moved.object, "archive/a.csv"].sort());
  });

  test.each([
    ["archive/README", (mark: string) => `archive/README.${mark}`],
    ["sales.v1/a", (mark: string) => `sales.v1/a.${mark}`],
    ["a.tar.gz", (mark: string) => `a.tar.${mark}.gz`],
    [".hidden", (mark: string) => `.hidden.${mark}`],
  ])("the mark stands before the extension of %s", async (object, marked) => {
    const { store, name, drop } = await opened(open);
    await drop(object, "precious");
    const from = await drop("new", "new");
    const moved = await store.move(from, name(object));
    expect(moved.object).toBe(marked(from.generation.slice(0, 8)));
  });

  test("several objects that move to one name are all kept", async () => {
    const { store, name, drop, content, listing } = await opened(open);
    const texts = ["one", "two", "three"];
    const drops = [];
    for (const text of texts) drops.push(await drop(`${text}.csv`, text));
    const moved = await Promise.all(drops.map((from) => store.move(from, name("archive/a.csv"))));
    expect(await Promise.all(moved.map(({ object }) => content(object)))).toEqual(texts);
    expect(await listing()).toEqual(moved.map(({ object }) => object).sort());
    const again = await Promise.all(drops.map((from) => store.move(from, name("archive/a.csv"))));
    expect(again).toEqual(moved);
  });

  test("another object at the destination does not count as the moved one", async () => {
    const { store, name, drop } = await opened(open);
    const gone = await drop("other", "something else");
    await drop("archive/a.csv", "something older");
    const missing = refused("FILE_MISSING");
    await expect(store.move(name("a.csv"), name("archive/a.csv"))).rejects.toEqual(missing);
    await expect(store.move({ ...gone, object: "a.csv" }, name("archive/a.csv"))).rejects.toEqual(missing);
  });

  test("an object that is moved onto itself stays", async () => {
    const { store, name, drop, content, listing } = await opened(open);
    const from = await drop("a.csv", "data");
    expect(await store.move(from, name("a.csv"))).toEqual(await store.stat(name("a.csv")));
    expect(await content("a.csv")).toBe("data");
    expect(await listing()).toEqual(["a.csv"]);
  });

  test("an object can be moved there and back, and there again", async () => {
    const { store, name, drop, content, listing } = await opened(open);
    await drop("a.csv", "data");
    for (const [from, to] of [
      ["a.csv", "b.csv"],
      ["b.csv", "a.csv"],
      ["a.csv", "b.csv"],
    ] as const) {
      const { bucket, object, generation } = await store.stat(name(from));
      expect((await store.move({ bucket, object, generation }, name(to))).object).toBe(to);
    }
    expect(await content("b.csv")).toBe("data");
    expect(await listing()).toEqual(["b.csv"]);
  });

  test("concurrent moves of one object all get the same answer", async () => {
    const { store, name, drop, listing } = await opened(open);
    const from = await drop("a.csv", "data");
    const all = await Promise.all(Array.from({ length: 8 }, () => store.move(from, name("archive/a.csv"))));
    expect(new Set(all.map((info) => JSON.stringify(info))).size).toBe(1);
    expect(await listing()).toEqual(["archive/a.csv"]);
  });

  test("two concurrent moves of one object to a name in use leave one copy", async () => {
    const { store, name, drop, listing } = await opened(open);
    await drop("archive/a.csv", "precious");
    const from = await drop("a.csv", "data");
    const all = await Promise.all([1, 2].map(() => store.move(from, name("archive/a.csv"))));
    expect(all[0]).toEqual(all[1]);
    expect(await listing()).toHaveLength(2);
  });
}
