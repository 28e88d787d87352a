// What is deployed: the function, one HTTP entry for Pub/Sub pushes, CloudEvents and direct JSON. The console is a
// service of its own, of the same package; the function loads none of its code.
import { useCompiledCode } from "./compiled-code.ts";

// Modules loaded before this call are compiled again.
useCompiledCode();
if (process.env.BATON_CONSOLE_AUDIENCE) await import("./console.ts");
else await import("./serve.ts");
