// Stores the compiled code of what the first message runs, so that a new instance need not compile it. Google's
// buildpack runs it (`gcp-build`) in the folder and as the user of the function: Node's cache depends on both. Node
// stores the functions that have run, so this handles a message. An error here does not fail the deployment.
import { enableCompileCache, flushCompileCache } from "node:module";
import { folder } from "./compiled-code.ts";

try {
  // Modules loaded before this call are not stored.
  enableCompileCache(folder);
  const { handleFirstMessage } = await import("./first-message.ts");
  await handleFirstMessage();
  flushCompileCache();
  process.stdout.write("The modules for the first message are compiled\n");
} catch (cause) {
  process.stderr.write(`No code is compiled, so the function starts more slowly: ${cause}\n`);
}
process.exit(0);
