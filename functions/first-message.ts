// Handles a message as the function does, with services that refuse every call.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http2";

/** gRPC's code of a call that must not be repeated: PERMISSION_DENIED. */
const refused = { ":status": 200, "content-type": "application/grpc", "grpc-status": "7" };

/** Runs most of the code that a first message needs. */
export async function handleFirstMessage(): Promise<void> {
  const service = await refusingService();
  // Google's clients read these, and look for no credentials.
  process.env.FIRESTORE_EMULATOR_HOST = service;
  process.env.PUBSUB_EMULATOR_HOST = service;
  const { openApp } = await import("../src/app/open.ts");
  const { createHttpHandler } = await import("../src/entry/http-handler.ts");
  await import("../src/entry/http-server.ts");
  await import("jose");
  const { app, logger } = await openApp(environment(), { level: "silent", serves: true });
  await app.folder.load();
  const message = { kind: "task", batchId: "compile-0123456789abcdef0123", taskId: "compile" } as const;
  try {
    await app.broker.publish([{ queue: "default", message }]);
  } catch {
    // The code has run.
  }
  await createHttpHandler(
    app.deliveries,
    logger,
    app.trust,
  )({
    method: "POST",
    path: "/",
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(toPush(message))),
  });
}

/** The address of a local server that stands in for Firestore and Pub/Sub. */
async function refusingService(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  server.on("stream", (stream) => stream.respond(refused, { endStream: true }));
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("There is no port");
  return `127.0.0.1:${address.port}`;
}

function environment(): Readonly<Record<string, string>> {
  return {
    BATON_ENGINE: "gcp",
    BATON_PROJECT: "compile",
    BATON_LOCATION: "europe-west1",
    BATON_BUCKET: "compile",
    BATON_INBOX_BUCKET: "compile",
    BATON_SERVICE_ACCOUNT: "compile@compile.iam.gserviceaccount.com",
    BATON_CALLBACK_SECRET: `whsec_${randomBytes(32).toString("base64")}`,
  };
}

function toPush(message: object) {
  const data = Buffer.from(JSON.stringify(message)).toString("base64");
  return { message: { data, messageId: "1", attributes: {} }, subscription: "compile" };
}
