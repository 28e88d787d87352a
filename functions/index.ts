// The function that is deployed: one HTTP entry for Pub/Sub pushes, CloudEvents and direct JSON.
import { useCompiledCode } from "./compiled-code.ts";

// Modules loaded before this call are compiled again.
useCompiledCode();
await import("./serve.ts");
