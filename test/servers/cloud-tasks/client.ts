import { CloudTasksClient } from "@google-cloud/tasks";
import { credentials } from "@grpc/grpc-js";
import type { CloudTasksServer } from "./server.ts";

/** Google's own client, unchanged, at a local server. */
export function cloudTasksClient({ host }: CloudTasksServer): CloudTasksClient {
  process.env.METADATA_SERVER_DETECTION = "none";
  const [apiEndpoint = "", port = ""] = host.split(":");
  const sslCreds = credentials.createInsecure();
  return new CloudTasksClient({ apiEndpoint, port: Number(port), sslCreds, projectId: "p" });
}
