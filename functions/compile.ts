// Stores the compiled code of the modules that the first message loads, so that a new instance need not compile them.
// Google's buildpack runs it (`gcp-build`) in the folder and as the user of the function: Node's cache depends on both.
// An error here does not fail the deployment.
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
  process.stdout.write("The modules for the first message are compiled\n");
} catch (cause) {
  process.stderr.write(`No code is compiled, so the function starts more slowly: ${cause}\n`);
}
process.exit(0);
