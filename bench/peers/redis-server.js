import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** REDIS_SERVER, or the first Redis or Valkey server on the PATH. Undefined if there is none. */
export function redisServer() {
  if (process.env.REDIS_SERVER) return process.env.REDIS_SERVER;
  return ["redis-server", "valkey-server"]
    .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}
