import { expect, test } from "vitest";
import { type Edges, workflowOf } from "../support/graphs.ts";
import { type CloudInProcess, cloudInProcess } from "./in-process.ts";

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const chain = (length: number): Edges =>
  names("t", length).map((id, index): [string, string[]] => [id, index === 0 ? [] : [`t${index - 1}`]]);

const fan = (width: number): Edges => [
  ["first", []],
  ...names("m", width).map((id): [string, string[]] => [id, ["first"]]),
  ["last", names("m", width)],
];

/** What a batch of the shape is billed for, from its start to its end. */
async function bill(
  edges: Edges,
  variables: Readonly<Record<string, string>> = {},
): Promise<Record<string, number>> {
  const workflows = [workflowOf("shape", edges, async () => null)];
  const cloud: CloudInProcess = await cloudInProcess(workflows, { variables });
  // Whatever is done once for a deployment, not for each batch.
  await cloud.run("shape");
  const meters = [cloud.firestore, cloud.pubsub, cloud.tasks].map(({ meter }) => meter);
  for (const meter of meters) meter.reset();
  const batchId = await cloud.run("shape");
  const billed = Object.assign({}, ...meters.map((meter) => meter.all()));
  expect(await cloud.app.engine.admin.status(batchId)).toMatchObject({ status: "SUCCESS" });
  return billed;
}

const length = 30;
let chainBill: ReturnType<typeof bill> | undefined;

/** One run of a chain of `length` tasks, which several tests look at. */
const billedChain = () => {
  chainBill ??= bill(chain(length));
  return chainBill;
};

/** What a batch is billed for beside its tasks: its document is made, read and ended; its bad endings are counted. */
const ofBatch = { document_writes: 2, document_reads: 3, messages: 1 };

test("a chain costs two document writes and no read a task", async () => {
  const billed = await billedChain();
  expect(billed.document_writes).toBe(2 * length + ofBatch.document_writes);
  expect(billed.document_reads).toBe(ofBatch.document_reads);
  expect(billed.document_deletes).toBeUndefined();
});

test("a chain costs two messages and two invocations a task, and no scheduled task", async () => {
  const billed = await billedChain();
  expect(billed.messages_published).toBe(2 * length + ofBatch.messages);
  expect(billed.pushes).toBe(2 * length + ofBatch.messages);
  expect(billed.tasks_created).toBeUndefined();
});

test("with inline completions a chain costs one message and one invocation a task", async () => {
  const billed = await bill(chain(length), { BATON_COMPLETIONS: "inline" });
  expect(billed.document_writes).toBe(2 * length + ofBatch.document_writes);
  expect(billed.document_reads).toBe(ofBatch.document_reads);
  expect(billed.messages_published).toBe(length + ofBatch.messages);
  expect(billed.pushes).toBe(length + ofBatch.messages);
});

test("a join costs at most one count a parent, and one more at its end", async () => {
  const width = 40;
  const billed = await bill(fan(width));
  const tasks = width + 2;
  expect(billed.document_writes).toBe(2 * tasks + ofBatch.document_writes);
  expect(billed.document_reads).toBeLessThanOrEqual(width + 1 + ofBatch.document_reads);
  expect(billed.rpc_run_aggregation_query).toBeLessThanOrEqual(width + 3);
});

test("a write makes no more index entries than the fields that are asked for", async () => {
  const billed = await billedChain();
  // A TaskLog is found by its batch; no other field of it is indexed, least of all a time. The rest is of the batch,
  // which is in the lists of `baton batches` when it starts, and again when it ends.
  expect(billed.index_entry_writes).toBeLessThanOrEqual(length + 20);
});
