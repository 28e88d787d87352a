export interface FirestoreCheckSettings {
  readonly projectId: string;
  readonly databaseId: string;
  /** Host and port of a local server, without TLS. */
  readonly emulatorHost: string | undefined;
}

/** What a client is told that only looks; the clients of the service itself heed no variable for a local server. */
export async function checkClientOptions({ projectId, emulatorHost }: FirestoreCheckSettings) {
  if (emulatorHost === undefined) return { projectId };
  const { grpc } = await import("google-gax");
  const [servicePath = "127.0.0.1", port] = emulatorHost.split(":");
  return { projectId, servicePath, port: Number(port), sslCreds: grpc.credentials.createInsecure() };
}
