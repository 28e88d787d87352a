// The function that is deployed: one HTTP entry for Pub/Sub pushes, CloudEvents and direct JSON.
import { existsSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// What the build has compiled need not be compiled again; see scripts/fill-compile-cache.js. Nothing may be loaded before.
const compiled = fileURLToPath(new URL("../compile-cache", import.meta.url));
if (existsSync(compiled)) enableCompileCache(compiled);
await import("./serve.ts");
