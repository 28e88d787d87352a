// Keeps the compiled code of what the function loads for its first message in dist/compile-cache, for fresh instances.
import { globSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
enableCompileCache(`${dist}/compile-cache`);
const packages = [
  "@google-cloud/functions-framework/testing",
  "@google-cloud/firestore",
  "@google-cloud/pubsub",
  "google-gax",
  "jose",
];
const modules = [
  "src/composition/{open,cloud,embedded}.js",
  "src/entry/*.js",
  "functions/workflows/**/*.js",
].flatMap((pattern) => globSync(`${dist}/${pattern}`));
for (const name of packages) await import(name);
for (const path of modules) await import(pathToFileURL(path).href);
