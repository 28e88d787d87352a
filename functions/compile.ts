// Keeps the compiled code of what the function loads for its first message, so that a fresh instance need not compile it.
// Google's buildpack runs it (`gcp-build`) in the folder, and as the user, that the function runs in and as: Node keeps
// compiled code by both. No deployment fails for it.
import { globSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { folder } from "./compiled-code.ts";

const dist = fileURLToPath(new URL("..", import.meta.url));
const packages = ["@google-cloud/firestore", "@google-cloud/pubsub", "google-gax", "jose"];
const modules = ["src/app/{open,cloud}.js", "src/entry/*.js", "functions/workflows/**/*.js"];

try {
  enableCompileCache(folder);
  for (const name of packages) await import(name);
  for (const path of modules.flatMap((pattern) => globSync(`${dist}${pattern}`)))
    await import(pathToFileURL(path).href);
  flushCompileCache();
  process.stdout.write("What a first message needs is compiled\n");
} catch (cause) {
  process.stderr.write(`Nothing is compiled, the function starts more slowly: ${cause}\n`);
}
process.exit(0);
