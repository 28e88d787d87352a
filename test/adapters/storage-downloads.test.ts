import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { CloudObjectStore } from "../../src/adapters/storage/object-store.ts";
import { crc32c } from "../servers/storage/crc32c.ts";
import { type StorageServer, startStorageServer } from "../servers/storage/server.ts";

let server: StorageServer;
let store: CloudObjectStore;
const file = { bucket: "bucket", object: "a.csv" };

beforeAll(async () => {
  server = await startStorageServer();
  store = new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint: server.url });
});
afterAll(() => server.close());
afterEach(() => vi.unstubAllEnvs());

/** Answers downloads itself; all else is Cloud Storage's. */
function answerDownloads(headers: Readonly<Record<string, string>>, body: string): void {
  server.setRefusals(({ query }) =>
    query.get("alt") === "media" ? { status: 200, headers, body: Buffer.from(body) } : undefined,
  );
}

test("content without the right hash is never accepted as the file, however often it is downloaded", async () => {
  server.put(file.bucket, file.object, "id\n1\n");
  answerDownloads({}, "<html>Sign in</html>");
  await expect(store.read(file)).rejects.toMatchObject({
    code: "OBJECTS_UNAVAILABLE",
    message: expect.stringContaining("not from the service"),
  });
});

test("another generation than the requested one is no answer, also from servers that ignore conditions", async () => {
  const generation = server.put(file.bucket, file.object, "old");
  const headers = { "x-goog-hash": `crc32c=${crc32c(Buffer.from("new"))}`, "x-goog-generation": "7" };
  answerDownloads(headers, "new");
  await expect(store.read({ ...file, generation })).rejects.toMatchObject({ code: "FILE_CHANGED" });
  expect(Buffer.from(await store.read(file)).toString()).toBe("new");
});

test("a server that STORAGE_EMULATOR_HOST names is called by the whole path of the API", async () => {
  vi.stubEnv("STORAGE_EMULATOR_HOST", server.url);
  server.setRefusals(undefined);
  const generation = server.put(file.bucket, file.object, "data");
  const named = new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint: server.url });
  expect(await named.stat(file)).toMatchObject({ generation });
  expect(Buffer.from(await named.read(file)).toString()).toBe("data");
});

test("a delay that Cloud Storage asks for is reported, and not waited for in place if it is long", async () => {
  server.setRefusals(() => ({
    status: 429,
    headers: { "retry-after": "1800" },
    body: {
      error: {
        code: 429,
        message: "slow down",
        errors: [{ reason: "rateLimitExceeded", message: "slow down" }],
      },
    },
  }));
  await expect(store.stat(file)).rejects.toMatchObject({
    code: "OBJECTS_UNAVAILABLE",
    retryAfterSeconds: 1800,
  });
});
