// Tries Baton on emulators: its contracts, and one batch from start to end.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const contracts = {
  FIRESTORE_EMULATOR_HOST: ["firestore-store"],
  PUBSUB_EMULATOR_HOST: ["pubsub-broker"],
  STORAGE_EMULATOR_HOST: ["cloud-storage"],
  BIGQUERY_EMULATOR_HOST: ["warehouse-contract-bigquery", "callback-archive-contract-bigquery"],
};
const named = Object.keys(contracts).filter((variable) => process.env[variable]);
if (named.length === 0) {
  console.error(`Name the emulators to use. For every other service, a server of Baton's own tests is used:

  STORAGE_EMULATOR_HOST=http://127.0.0.1:4443   fake-gcs-server -scheme http -port 4443 -backend memory -public-host 127.0.0.1:4443
                                                (it overwrites objects whatever the precondition: tests of existing names fail)
  PUBSUB_EMULATOR_HOST=127.0.0.1:8085           gcloud beta emulators pubsub start; BATON_PUBSUB_ENDPOINT if its HTTP address differs
  FIRESTORE_EMULATOR_HOST=127.0.0.1:8080        gcloud emulators firestore start
  BIGQUERY_EMULATOR_HOST=http://127.0.0.1:9050  bigquery-emulator --project=test, with STORAGE_EMULATOR_HOST, from which it reads files; BATON_PROJECT if not test`);
  process.exit(2);
}
const root = fileURLToPath(new URL("..", import.meta.url));
const files = named.flatMap((variable) => contracts[variable]).map((name) => `test/contract/${name}.test.ts`);
console.log(`On ${named.map((variable) => `${variable}=${process.env[variable]}`).join(", ")}:`);
const { status } = spawnSync(
  process.execPath,
  [`${root}node_modules/vitest/vitest.mjs`, "run", "test/trial/batch.test.ts", ...files],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = status ?? 1;
