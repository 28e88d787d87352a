// The function that is deployed: one HTTP entry for Pub/Sub pushes, CloudEvents and direct JSON.
import { useCompiledCode } from "./compiled-code.ts";

// Whatever is loaded before is compiled anew.
useCompiledCode();
await import("./serve.ts");
