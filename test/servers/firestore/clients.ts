import { Firestore, v1 } from "@google-cloud/firestore";
import { credentials } from "@grpc/grpc-js";
import { afterEach, beforeEach } from "vitest";
import { type FirestoreServer, type FirestoreServerOptions, startFirestoreServer } from "./server.ts";

export const database = "projects/test/databases/(default)";

/** `batches/b1` as the wire has it. */
export const nameOf = (path: string) => `${database}/documents/${path}`;

export interface Connected {
  readonly server: FirestoreServer;
  /** The client that applications use, unmodified. */
  readonly client: Firestore;
  /** The generated one below it: the calls as the protos have them. */
  readonly calls: InstanceType<typeof v1.FirestoreClient>;
}

/** A new server and its clients for every test of a file. */
export function eachTestConnected(options: () => FirestoreServerOptions = () => ({})): () => Connected {
  let connected: Connected | undefined;
  beforeEach(async () => {
    process.env.METADATA_SERVER_DETECTION = "none";
    connected = await connect(await startFirestoreServer(options()));
  });
  afterEach(async () => {
    await connected?.client.terminate();
    await connected?.calls.close();
    await connected?.server.close();
    connected = undefined;
  });
  return () => {
    if (!connected) throw new Error("Only within a test.");
    return connected;
  };
}

async function connect(server: FirestoreServer): Promise<Connected> {
  process.env.FIRESTORE_EMULATOR_HOST = server.host;
  const client = new Firestore({ projectId: "test" });
  const [servicePath = "", port] = server.host.split(":");
  const calls = new v1.FirestoreClient({
    servicePath,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: "test",
  });
  return { server, client, calls };
}
