// Deletes what the database holds of one batch and its retries, and names what is elsewhere: docs/operations.md.
//   npx node scripts/forget.js <batchId> [--delete]
import { Firestore } from "@google-cloud/firestore";
import { documentId } from "../src/adapters/firestore/document-names.ts";
import { indexedText } from "../src/adapters/firestore/encoding.ts";
import { executionId } from "../src/core/execution.ts";

const usage = `usage: BATON_PROJECT=… BATON_BUCKET=… npx node scripts/forget.js <batchId> [--delete]

Names what is known of a batch and its retries, in the database and in buckets.
  --delete  deletes the documents of the database; the objects are yours to delete`;

const given = process.argv.slice(2);
if (given.includes("--help") || given.includes("-h")) {
  console.log(usage);
  process.exit();
}
const unknown = given.find((word) => word.startsWith("-") && word !== "--delete");
if (unknown !== undefined) stop(`There is no option ${unknown}.\n${usage}`, 2);
const [batchId, ...more] = given.filter((word) => word !== "--delete");
const {
  BATON_PROJECT: projectId,
  BATON_BUCKET: bucket,
  BATON_DATABASE: databaseId = "(default)",
} = process.env;
if (!batchId || more.length > 0 || !projectId || !bucket) stop(usage, 2);
const store = new Firestore({ projectId, databaseId });
const buckets = { inbox: process.env.BATON_INBOX_BUCKET ?? bucket };

const runs = await runsOf(batchId);
if (runs.length === 0) stop(`There is no batch ${batchId} in ${databaseId} of ${projectId}`, 1);
const running = runs.filter(({ data }) => data.status === "RUNNING");
if (running.length > 0) stop(`Cancel them first: ${running.map(({ data }) => data.batchId).join(", ")}`, 1);

const found = [];
for (const run of runs) found.push(...(await documentsOf(run.data.batchId)));
found.push(...(await keysOf(found)));
// Last: as long as they are there, the rest is found again.
const all = [...found, ...runs];
for (const { document } of all) console.log(document.ref.path);
console.log("");
for (const pattern of objectsOf(all)) console.log(`gcloud storage rm --all-versions '${pattern}'`);
if (given.includes("--delete")) {
  await deleteAll(found);
  await deleteAll(runs);
}
console.log(
  `\n${all.length} documents ${given.includes("--delete") ? "are deleted" : "would be deleted: --delete"}`,
);
await store.terminate();

/** The batch of this id, and all that were retried from it or that it is a retry of. */
async function runsOf(id) {
  const one = await get("batches", id);
  if (!one) return [];
  return find(store.collection("batches").where("lineageId", "==", indexedText(one.data.lineageId)));
}

async function documentsOf(id) {
  const of = (collection) => find(store.collection(collection).where("batchId", "==", indexedText(id)));
  // Events have no index by their batch: all of them are read. Their ids begin with that of their batch.
  const events = (await find(store.collection("events"))).filter(({ data }) => data.batchId === id);
  return [...(await of("taskLogs")), ...(await of("callbacks")), ...(await stepsOf(id)), ...events];
}

/** What is known by the keys of these tasks, where one of these batches made it, or was the last to try. */
async function keysOf(documents) {
  const ids = new Set(runs.map(({ data }) => data.batchId));
  const keys = new Set(documents.map(({ data }) => data.key).filter((key) => typeof key === "string"));
  const made = [];
  for (const key of keys) {
    const id = executionId(key);
    const record = await get("executions", id);
    if (!record || record.data.state === "PROCESSING") continue;
    if ([...ids].some((one) => JSON.stringify(record.data).includes(JSON.stringify(one))))
      made.push(record, ...(await stepsOf(id)));
  }
  return made;
}

/** `.` and `/` follow each other: all scopes that begin with the id and a dot. */
function stepsOf(id) {
  return find(store.collection("steps").where("scope", ">=", `${id}.`).where("scope", "<", `${id}/`));
}

async function find(query) {
  const { docs } = await query.get();
  return docs.map((document) => ({ document, data: JSON.parse(document.get("data")) }));
}

async function get(collection, id) {
  const document = await store.collection(collection).doc(documentId(id)).get();
  return document.exists ? { document, data: JSON.parse(document.get("data")) } : undefined;
}

/** Whatever lies below the names of these batches, and what their documents refer to. */
function objectsOf(documents) {
  const below = runs.flatMap(({ data }) => [
    `gs://${bucket}/results/${data.batchId}/**`,
    `gs://${bucket}/results/steps/${data.batchId}.*/**`,
  ]);
  const named = documents.flatMap(({ data }) => [...references(data)]);
  const others = named.filter((name) => !runs.some(({ data }) => name.includes(`/${data.batchId}`)));
  return [...new Set([...below, ...others])];
}

function* references(value) {
  if (typeof value !== "object" || value === null) return;
  if (typeof value.bucket === "string" && typeof value.object === "string")
    yield `gs://${placeOf(value.bucket)}/${value.object}`;
  for (const inner of Object.values(value)) yield* references(inner);
}

function placeOf(name) {
  return ["results", "reports"].includes(name) ? `${bucket}/${name}` : (buckets[name] ?? name);
}

async function deleteAll(documents) {
  const writer = store.bulkWriter();
  const deleted = documents.map(({ document }) =>
    writer.delete(document.ref, { lastUpdateTime: document.updateTime }),
  );
  await Promise.all([...deleted, writer.close()]);
}

function stop(message, exitCode) {
  console.error(message);
  process.exit(exitCode);
}
