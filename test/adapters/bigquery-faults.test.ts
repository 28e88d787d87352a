import { expect, test } from "vitest";
import { TaskError } from "../../src/core/errors/errors.ts";
import type { ArchivedCallback } from "../../src/ports/callbacks.ts";
import { shorthand } from "../contract/warehouse-contract-shorthand.ts";
import { type Fault, noFaults, strangeFaults } from "../servers/kit/faults.ts";
import { casesOfCalls } from "../support/cases-of-today.ts";
import { makeBigQuery } from "./bigquery-harness.ts";

const faults: readonly Fault[] = [
  { kind: "not_sent" },
  { kind: "reply_lost" },
  { kind: "error_after" },
  { kind: "duplicated" },
  { kind: "slow", delayMs: 20 },
  { kind: "unauthenticated" },
  ...strangeFaults,
];
type FaultAt = (call: number) => Fault;

type Made = Awaited<ReturnType<typeof makeBigQuery>>;

/**
 * Does a piece of work again and again, each time in a table of its own and with one fault at the next of its calls,
 * until the fault comes after the last. Attempts that fail for a passing reason are repeated by another process.
 */
async function withFaultAtEachCall(
  { server }: Made,
  faultAt: FaultAt,
  work: (name: string, attempt: number) => Promise<unknown>,
  check: (name: string) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    const name = `${faultAt(at).kind}_${at}`;
    let calls = 0;
    server.setFaults(() => (calls++ === at ? faultAt(at) : undefined));
    await retryUntilDone((attempt) => work(name, attempt));
    server.setFaults(noFaults);
    await check(name);
    if (calls <= at) return at;
  }
}

/** All kinds of faults beside each other: most of the time is spent waiting. */
async function forEachFault(work: (faultAt: FaultAt) => Promise<void>): Promise<void> {
  const named = faults.map((fault) => [fault.kind, fault] as const);
  await Promise.all(casesOfCalls(named).map(([, faultAt]) => work(faultAt)));
}

async function retryUntilDone(work: (attempt: number) => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work(attempt);
      return;
    } catch (thrown) {
      if (!(thrown instanceof TaskError) || !thrown.retryable || attempt > 5) throw thrown;
    }
  }
}

test("rows are appended once, whichever call of a load fails, and with any fault", () =>
  forEachFault(async (faultAt) => {
    const made = await makeBigQuery();
    const { file, another, warehouse } = made;
    const uri = await file("a.csv", "id\n1\n2\n");
    const { rows } = shorthand({ warehouse, file });
    const calls = await withFaultAtEachCall(
      made,
      faultAt,
      (name, attempt) =>
        shorthand({ warehouse: another(), file }).load(
          uri,
          { table: name },
          { jobId: name, attempt: String(attempt) },
        ),
      async (name) =>
        expect(await rows(`SELECT id FROM ${name} ORDER BY id`)).toEqual([{ id: 1 }, { id: 2 }]),
    );
    expect(calls).toBeGreaterThanOrEqual(5);
  }));

test("rows are appended once, whichever call of a query fails, and with any fault", () =>
  forEachFault(async (faultAt) => {
    const made = await makeBigQuery();
    const { file, another, warehouse } = made;
    const { rows } = shorthand({ warehouse, file });
    const calls = await withFaultAtEachCall(
      made,
      faultAt,
      (table, attempt) =>
        shorthand({ warehouse: another(), file }).query(
          "SELECT 1 AS a",
          { table },
          { jobId: table, attempt: String(attempt) },
        ),
      async (name) => expect(await rows(`SELECT a FROM ${name}`)).toEqual([{ a: 1 }]),
    );
    expect(calls).toBeGreaterThanOrEqual(6);
  }));

test("a merge has its effect once, whichever call of its two jobs fails, and with any fault", () =>
  forEachFault(async (faultAt) => {
    const made = await makeBigQuery();
    const { file, another, warehouse } = made;
    const uri = await file("a.csv", "id,n\n1,1\n2,2\n2,3\n");
    const { rows } = shorthand({ warehouse, file });
    const calls = await withFaultAtEachCall(
      made,
      faultAt,
      (table, attempt) =>
        shorthand({ warehouse: another(), file }).load(
          uri,
          { table, mode: "merge", key: ["id"] },
          { jobId: table, attempt: String(attempt) },
        ),
      async (name) =>
        expect(await rows(`SELECT id, n FROM ${name} ORDER BY id`)).toEqual([
          { id: 1, n: 1 },
          { id: 2, n: 3 },
        ]),
    );
    expect(calls).toBeGreaterThanOrEqual(9);
  }));

test("an uploaded file is loaded once, whichever call of its upload fails, and with any fault", () =>
  forEachFault(async (faultAt) => {
    const made = await makeBigQuery();
    const { file, another, warehouse } = made;
    // Large for its number of rows: an upload has several pieces, and rows cost time.
    const note = "x".repeat(1_000);
    const lines = Array.from({ length: 1_000 }, (_, id) => `${id};1.234,50;${note}\n`).join("");
    const uri = await file("a.csv", `id;n;note\n${lines}`);
    const { rows } = shorthand({ warehouse, file });
    const calls = await withFaultAtEachCall(
      made,
      faultAt,
      (name, attempt) =>
        shorthand({ warehouse: another({ uploadPieceBytes: 256 * 1024 }), file }).load(
          uri,
          { table: name },
          { jobId: name, attempt: String(attempt), options: { decimal: "," } },
        ),
      async (name) =>
        expect(await rows(`SELECT count(*) AS rows, sum(n) AS total, max(id) AS id FROM ${name}`)).toEqual([
          { rows: 1_000, total: 1_234_500, id: 999 },
        ]),
    );
    expect(calls).toBeGreaterThanOrEqual(12);
  }));

test("a callback is archived once, whichever call fails, and with any fault", () =>
  forEachFault(async (faultAt) => {
    const made = await makeBigQuery();
    const callback: ArchivedCallback = {
      eventId: "event",
      key: { job_id: "j" },
      status: "completed",
      payload: { n: 1 },
      url: "https://example.com",
      createdAt: 1,
    };
    const calls = await withFaultAtEachCall(
      made,
      faultAt,
      (name) => made.archive().store(name, callback),
      async (name) => expect(await made.archive().find(name, { where: "true" }, 9)).toEqual([callback]),
    );
    expect(calls).toBeGreaterThanOrEqual(5);
  }));
