import type { CallbackArchive } from "../ports/callbacks.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Warehouse } from "../ports/warehouse.ts";

/** Makes it at the first call, and gives that to everyone. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Services whose adapters are loaded when a task first asks for them: a fresh process has other things to do first. */
export function lazyWarehouse(open: () => Promise<Warehouse>): Warehouse {
  return {
    load: async (job) => (await open()).load(job),
    query: async (job) => (await open()).query(job),
    rows: async (sql, parameters, limit, signal) => (await open()).rows(sql, parameters, limit, signal),
    cancel: async (jobId) => (await open()).cancel(jobId),
  };
}

export function lazyHttp(open: () => Promise<HttpClient>): HttpClient {
  return { request: async (request) => (await open()).request(request) };
}

export function lazyCallbackArchive(open: () => Promise<CallbackArchive>): CallbackArchive {
  return {
    store: async (table, callback) => (await open()).store(table, callback),
    get: async (table, key) => (await open()).get(table, key),
    find: async (table, condition, limit) => (await open()).find(table, condition, limit),
  };
}

export function lazyObjects(open: () => Promise<ObjectStore>): ObjectStore {
  return {
    stat: async (name) => (await open()).stat(name),
    read: async (name) => (await open()).read(name),
    write: async (name, content, contentType) => (await open()).write(name, content, contentType),
    move: async (from, to) => (await open()).move(from, to),
    list: async (prefix, options) => (await open()).list(prefix, options),
    remove: async (listed) => (await open()).remove(listed),
  };
}
