/** What hosts of the console use. */
export { localAccess } from "./access.ts";
export { readAssets } from "./assets.ts";
export { sharedBatch } from "./batch/share.ts";
export { createConsole } from "./console.ts";
