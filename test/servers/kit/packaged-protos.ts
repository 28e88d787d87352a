import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { GrpcServiceSpec } from "./grpc-server.ts";

const require = createRequire(import.meta.url);

/**
 * The protos that an installed package ships but does not export, such as `build/protos/protos.json` of
 * `@google-cloud/tasks`: looked for from the package's entry upwards.
 */
export function packagedProtos(packageName: string, path: string): GrpcServiceSpec["protos"] {
  let folder = dirname(require.resolve(packageName));
  while (!existsSync(join(folder, path))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${packageName} is installed without ${path}`);
    folder = parent;
  }
  return JSON.parse(readFileSync(join(folder, path), "utf8"));
}
