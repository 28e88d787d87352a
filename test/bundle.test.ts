import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { protobuf } from "google-gax";
import { expect, test } from "vitest";
import * as z from "zod";
import { classesLeftOut, reduced, withImportedJson } from "../scripts/service-descriptions.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

const firestore = readJson("@google-cloud/firestore-api/build/protos/protos.json");
const pubSub = readJson("@google-cloud/pubsub-api/build/protos/protos.json");
const locations = readJson("google-gax/build/protos/locations.json");

test.for([
  ["google.firestore.v1.Firestore", firestore],
  ["google.pubsub.v1.Publisher", pubSub],
  ["google.pubsub.v1.Subscriber", pubSub],
  ["google.cloud.location.Locations", locations],
] as const)("the reduced description of %s has all that it refers to, as it was", ([service, whole]) => {
  const before = protobuf.Root.fromJSON(whole).resolveAll();
  const after = protobuf.Root.fromJSON(reduced(whole, [service])).resolveAll();
  expect(after.lookupService(service).toJSON()).toEqual(before.lookupService(service).toJSON());
  const kept = messagesIn(after);
  expect(kept.length).toBeGreaterThan(3);
  expect(kept.length).toBeLessThan(messagesIn(before).length / 1.5);
  for (const message of kept) {
    const fields = before.lookupType(message.fullName).fieldsArray;
    // A message that was not needed itself may stay as the namespace of one that is.
    if (message.fieldsArray.length === 0) continue;
    expect(message.fieldsArray.map(shapeOf)).toEqual(fields.map(shapeOf));
  }
});

test("services that a client does not name are left out, and a namespace adds nothing", () => {
  const after = protobuf.Root.fromJSON(reduced(firestore, ["google.firestore.v1.Firestore"]));
  expect(after.lookup("google.firestore.admin")).toBeNull();
  expect(reduced(pubSub, ["google.pubsub.v1"]).nested).not.toHaveProperty("google.nested.pubsub");
});

test("classes of messages are not in the bundle: their namespaces can be read, and using one says so", () => {
  const { google } = evaluate(classesLeftOut);
  const { Value } = google.firestore.v1;
  expect(() => Value.fromObject({})).toThrow("google.firestore.v1.Value is not in Baton's bundle");
  expect(() => new Value()).toThrow("google.firestore.v1.Value is not in Baton's bundle");
});

test("the JSON files that a client reads become imports", () => {
  const client = readFileSync(
    `${root}node_modules/@google-cloud/tasks/build/esm/src/v2/cloud_tasks_client.js`,
    "utf8",
  );
  const changed = withImportedJson(client);
  expect(client).toContain("getJSON(path.join(");
  expect(changed).not.toContain("getJSON(path.join(");
  expect(changed).toContain('import json1 from "./../../../protos/protos.json";');
});

test("the client of Cloud Tasks in the bundle knows its service, though older clients have the same name", async () => {
  const [path = ""] = globSync(`${root}dist/src/chunks/tasks-*.js`);
  const { CloudTasksClient }: typeof import("@google-cloud/tasks") = await import(path);
  const credentials = { client_email: "caller@example.test", private_key: "none" };
  const client = new CloudTasksClient({ projectId: "p", credentials });
  const stub = await client.initialize();
  expect("createTask" in stub).toBe(true);
  await client.close();
});

test("the bundle names no package but DuckDB, which projects install if they use it", () => {
  const bundled = globSync(["src/**/*.js", "functions/*.js"], { cwd: `${root}dist` });
  const named = bundled.flatMap((path) => {
    const code = readFileSync(`${root}dist/${path}`, "utf8");
    const loads = code.matchAll(/(?:\bfrom|\bimport\(|require(?:\.resolve)?\() ?["'`]([@\w][^"'`\s]*)["'`]/g);
    return [...loads].map(([, name = ""]) => name).filter((name) => !isBuiltin(name));
  });
  expect(bundled.length).toBeGreaterThan(20);
  // Only texts: code that ajv would write, and the example of an empty console.
  const texts = /^(?:ajv|ajv-formats|baton-dag)(?:$|\/)/;
  const loaded = named.filter((name) => !texts.test(name));
  // Optional for those who have it: colours of debug output.
  expect([...new Set(loaded)].sort()).toEqual(["@duckdb/node-api", "supports-color"]);
});

test("the bundled zod is the whole zod", async () => {
  const bundled: object = await import(`${root}dist/src/zod.js`);
  expect(Object.keys(bundled).sort()).toEqual(Object.keys(z).sort());
});

test("the bundle holds the licence of each package in it", () => {
  const licences = readFileSync(`${root}dist/LICENSES-OF-PACKAGES.txt`, "utf8");
  for (const name of [
    "@google-cloud/firestore",
    "@grpc/grpc-js",
    "protobufjs",
    "long",
    "pino",
    "zod",
    "commander",
  ])
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.`, "m"));
  expect(
    licences.match(/Apache License|Permission is hereby granted|Redistribution and use/g)?.length,
  ).toBeGreaterThan(50);
});

test("what every start loads is a few files, and no package beside them", () => {
  const loaded = new Set(
    ["functions/serve.js", "src/index.js", "src/app/embedded.js"].map((path) => `${root}dist/${path}`),
  );
  const outside = new Set<string>();
  for (const path of loaded)
    for (const from of importsOf(path))
      if (from.startsWith(".")) loaded.add(join(dirname(path), from));
      else outside.add(from);
  expect([...outside].filter((name) => !isBuiltin(name))).toEqual([]);
  expect(loaded.size).toBeLessThan(10);
});

test.each(["index", "compile"])("functions/%s.js loads nothing before it uses the compile cache", (name) => {
  expect(importsOf(`${root}dist/functions/${name}.js`).filter((from) => !isBuiltin(from))).toEqual([
    "./compiled-code.js",
  ]);
  expect(importsOf(`${root}dist/functions/compiled-code.js`).filter((from) => !isBuiltin(from))).toEqual([]);
});

test("a file of the bundle with code of Baton has a source map, and names of sources in it", () => {
  const chunks = globSync(`${root}dist/src/chunks/*.js`);
  const mapped = chunks.filter((path) => existsSync(`${path}.map`));
  const sources = mapped.flatMap((path) => JSON.parse(readFileSync(`${path}.map`, "utf8")).sources);
  expect(sources).toContain("../../../src/engine/handle-task.ts");
  expect(sources.filter((source) => !existsSync(`${root}dist/src/chunks/${source}`))).toEqual([]);
});

function readJson(path: string): Parameters<typeof reduced>[0] & protobuf.INamespace {
  return JSON.parse(readFileSync(`${root}node_modules/${path}`, "utf8"));
}

function messagesIn(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((inner) => [
    ...(inner instanceof protobuf.Type ? [inner] : []),
    ...(inner instanceof protobuf.Namespace ? messagesIn(inner) : []),
  ]);
}

function shapeOf(field: protobuf.Field) {
  return { ...field.toJSON(), type: field.resolvedType?.fullName ?? field.type };
}

/** Runs the code of a CommonJS module. */
function evaluate(code: string) {
  const exports: { google?: unknown } = {};
  new Function("require", "exports", code)(require, exports);
  return z.object({ google: z.any() }).parse(exports);
}

/** What a module imports before it runs. */
function importsOf(path: string): string[] {
  const imports = readFileSync(path, "utf8").matchAll(/^(?:import|export)\b[^"]*"([^"]+)";$/gm);
  return [...imports].map(([, from = ""]) => from);
}

test("the function loads no code of the console, which is a service of its own of the same package", () => {
  const loaded = loadedBy(`${root}dist/functions/serve.js`);
  const ofConsole = loadedBy(`${root}dist/functions/console.js`);
  for (const words of ["Skip to the content", "x-goog-iap-jwt-assertion", "which accepts no messages"]) {
    expect([words, [...ofConsole.values()].some((code) => code.includes(words))]).toEqual([words, true]);
    const holders = [...loaded].filter(([, code]) => code.includes(words)).map(([path]) => path);
    expect([words, holders]).toEqual([words, []]);
  }
});

/** The files that an entry loads at its start, with their code. */
function loadedBy(entry: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const visit = (path: string) => {
    if (files.has(path)) return;
    const code = readFileSync(path, "utf8");
    files.set(path, code);
    for (const [, name = ""] of code.matchAll(/(?:\bfrom|\bimport) ?["'](\.[^"']+)["']/g))
      visit(join(dirname(path), name));
  };
  visit(entry);
  return files;
}
