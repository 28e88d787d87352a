import { randomUUID } from "node:crypto";
import type { CollectionName } from "../../core/records.ts";
import { grpcCodeOf, grpcStatus, unlessMissing } from "../remote/grpc.ts";
import { checkClientOptions, type FirestoreCheckSettings } from "./check-settings.ts";

const callOptions = { timeout: 15_000, maxRetries: 2 };
const collection: CollectionName = "batches";

/**
 * Whether the caller may read and write the documents of a database. A grant on the project may hold for some of its databases
 * only, and the project does not tell: the database does. Nothing changes, since the commit can't come about: one of its
 * documents would have to be there, under a name that nobody gives. Throws what the client throws.
 */
export async function mayUseDocuments(settings: FirestoreCheckSettings): Promise<boolean> {
  const client = await connect(settings);
  const database = `projects/${settings.projectId}/databases/${settings.databaseId}`;
  try {
    await readOne(client, database);
    return await mayWrite(client, database);
  } catch (thrown) {
    if (grpcCodeOf(thrown) === grpcStatus.permissionDenied) return false;
    throw thrown;
  } finally {
    await client.close();
  }
}

type Client = Awaited<ReturnType<typeof connect>>;

async function readOne(client: Client, database: string): Promise<void> {
  const structuredQuery = { from: [{ collectionId: collection }], limit: { value: 1 } };
  const found = client.runQuery({ parent: `${database}/documents`, structuredQuery }, callOptions);
  // The service answers once what it was asked has come to an end.
  for await (const _ of found);
}

/** Each kind of write asks for a permission of its own, before any of them is looked at. */
async function mayWrite(client: Client, database: string): Promise<boolean> {
  const name = `${database}/documents/${collection}/of-nobody-${randomUUID()}`;
  const writes = [
    { update: { name: `${name}-missing`, fields: {} }, currentDocument: { exists: true } },
    { update: { name, fields: {} }, currentDocument: { exists: false } },
    { delete: `${name}-gone` },
  ];
  await unlessMissing(() => client.commit({ database, writes }, callOptions));
  return true;
}

async function connect(settings: FirestoreCheckSettings) {
  // It is no name that Node finds in a CommonJS module.
  const { FirestoreClient } = (await import("@google-cloud/firestore")).default.v1;
  return new FirestoreClient(await checkClientOptions(settings));
}
