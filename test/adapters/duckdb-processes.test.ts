import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../../src/adapters/duckdb/duckdb-warehouse.ts";
import { endedWithTest } from "../support/child-process.ts";
import { makeWarehouse, never } from "./duckdb-harness.ts";

const childFile = fileURLToPath(new URL("./duckdb-child.ts", import.meta.url));

function start(command: Readonly<Record<string, string>>) {
  return endedWithTest(() =>
    spawn(process.execPath, [childFile, JSON.stringify(command)], { stdio: ["ignore", "pipe", "inherit"] }),
  );
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("The child has no output");
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return chunk.toString().trim();
}

test("two processes with the same job id load the file once, and both get its result", async () => {
  const { path, file, rows } = await makeWarehouse();
  const uri = await file("a.csv", "id,n\n1,2\n2,3\n");
  const children = [1, 2].map(() => start({ action: "load", path, uri, jobId: "same" }));
  const results = await Promise.all(children.map(firstLine));
  const expected = JSON.stringify({ table: "orders", rows: 2, tableRows: 2 });
  expect(results).toEqual([expected, expected]);
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 2 }]);
});

test("two processes with their own job ids both load, one after the other", async () => {
  const { path, file, rows } = await makeWarehouse();
  const uri = await file("a.csv", "id,n\n1,2\n2,3\n");
  await Promise.all(["one", "two"].map((jobId) => firstLine(start({ action: "load", path, uri, jobId }))));
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 4 }]);
});

test("a file that another process holds is WAREHOUSE_LOCKED after the wait, and free after its death", async () => {
  const { path } = await makeWarehouse();
  const holder = start({ action: "hold", path });
  await firstLine(holder);
  const impatient = new DuckDbWarehouse(new DatabaseFile(path, { lockWaitMs: 50 }));
  await expect(impatient.rows("SELECT 1 AS one", {}, 1, never)).rejects.toMatchObject({
    code: "WAREHOUSE_LOCKED",
    retryable: true,
  });
  const exited = once(holder, "exit");
  holder.kill("SIGKILL");
  await exited;
  expect(await impatient.rows("SELECT 1 AS one", {}, 1, never)).toEqual([{ one: 1 }]);
  await impatient.close();
});

test("a process under constant use lets others have their turn", async () => {
  const { path, rows } = await makeWarehouse();
  await firstLine(start({ action: "hold", path }));
  expect(await rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("the wait for another process ends with the signal", async () => {
  const { path, warehouse } = await makeWarehouse();
  await firstLine(start({ action: "hold", path }));
  const controller = new AbortController();
  const waiting = warehouse.rows("SELECT 1 AS one", {}, 1, controller.signal);
  controller.abort(new Error("cancelled"));
  await expect(waiting).rejects.toThrow("cancelled");
});

test("an idle warehouse gives up its file, and keeps no process alive", async () => {
  const { path, warehouse, rows } = await makeWarehouse({ idleMs: 0 });
  await rows("SELECT 1 AS one");
  const child = start({ action: "idle", path });
  const exited = once(child, "exit");
  expect(await firstLine(child)).toBe("open");
  expect(await exited).toEqual([0, null]);
  await warehouse.close();
  expect(await rows("SELECT 2 AS two")).toEqual([{ two: 2 }]);
});

test("a warehouse that is never used does not load DuckDB", async () => {
  const module = (name: string) =>
    JSON.stringify(new URL(`../../src/adapters/duckdb/${name}.ts`, import.meta.url).href);
  const script = `
    const { DuckDbWarehouse } = await import(${module("duckdb-warehouse")});
    const { DatabaseFile } = await import(${module("database-file")});
    new DuckDbWarehouse(new DatabaseFile("/nowhere/at/all.duckdb"));
    process.stdout.write(String(process.report.getReport().sharedObjects.some((file) => file.includes("duckdb"))));`;
  const child = endedWithTest(() =>
    spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  expect(await firstLine(child)).toBe("false");
});
