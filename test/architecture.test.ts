import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Which folders of `src` each of them may import; see CONTRIBUTING.md. Each folder of `adapters` stands alone. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ports: ["core"],
  engine: ["ports", "core"],
  runtime: ["ports", "core"],
  tasks: ["runtime", "ports", "core"],
  workflow: ["runtime", "ports", "core"],
  adapters: ["ports", "core"],
  entry: ["engine", "ports", "core"],
  configuration: ["adapters", "ports", "core"],
  telemetry: ["configuration", "entry", "runtime", "adapters", "ports", "core"],
  app: [
    "telemetry",
    "configuration",
    "entry",
    "engine",
    "runtime",
    "tasks",
    "workflow",
    "adapters",
    "ports",
    "core",
  ],
  doctor: ["app", "configuration", "adapters", "tasks", "workflow", "ports", "core"],
  deployment: ["doctor", "app", "configuration", "adapters", "tasks", "workflow", "ports", "core"],
  cli: ["deployment", "doctor", "app", "configuration", "engine", "workflow", "ports", "core"],
  "index.ts": ["workflow", "tasks", "runtime", "core"],
};

/** What adapters of services elsewhere have in common: the one folder of adapters that others import. */
const shared = "src/adapters/remote";

/** Packages that reach services, and the one room that may import each. */
const owners: Readonly<Record<string, string>> = {
  "@duckdb/node-api": "adapters/duckdb",
  "@azure/msal-node": "adapters/power-bi",
  "@google-cloud/bigquery": "adapters/bigquery",
  "@google-cloud/firestore": "adapters/firestore",
  "@google-cloud/pubsub": "adapters/pubsub",
  "@google-cloud/storage": "adapters/storage",
  "@google-cloud/tasks": "adapters/cloud-tasks",
  "google-auth-library": "adapters/remote",
  "@opentelemetry/api": "adapters/opentelemetry",
  "@opentelemetry/exporter-trace-otlp-http": "adapters/opentelemetry",
  "@opentelemetry/resources": "adapters/opentelemetry",
  "@opentelemetry/sdk-trace-base": "adapters/opentelemetry",
  chokidar: "adapters/filesystem",
  commander: "cli",
  jose: "adapters/oidc",
  "ipaddr.js": "adapters/http",
  "node:sqlite": "adapters/sqlite",
  pino: "adapters/pino",
  standardwebhooks: "adapters/webhook",
  undici: "adapters/http",
  yaml: "workflow",
};

/** The packages that core may use: they compute, and leave the world alone. Of `node:crypto`, only what computes. */
const pure = [
  "canonicalize",
  "fastest-levenshtein",
  "node:crypto",
  "node:stream",
  "node:zlib",
  "picomatch",
  "zod",
];

/** What is there without an import, or in `node:crypto`, and asks or changes the world. */
const impure =
  /\bDate\.now|\bnew Date\b(?!\([^)])|\bDate\(\)|\bMath\.random|\brandom[A-Z]\w*\(|\b(?:performance|process|crypto|globalThis)(?:\.\w|\[)|\b(?:fetch|queueMicrotask|set(?:Timeout|Interval|Immediate))\(/;

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), "utf8");
  return [...source.matchAll(/(?:from|import\()\s*"([^"]+)"|^import "([^"]+)"/gm)].map(
    ([, from, bare]) => from ?? bare ?? "",
  );
}

function targetOf(file: string, specifier: string): string {
  return relative(root, resolve(root, dirname(file), specifier));
}

function roomOf(file: string): string {
  return file.split("/")[1] ?? "";
}

const sources = filesBelow("src");

test("there is something to look at", () => {
  expect(sources.length).toBeGreaterThan(50);
});

test("every room imports only what it may", () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => targetOf(file, specifier))
      .filter((target) => !mayImport(file, target))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

function mayImport(file: string, target: string): boolean {
  if (!target.startsWith("src/")) return false;
  const room = roomOf(file);
  if (roomOf(target) !== room) return allowed[room]?.includes(roomOf(target)) ?? false;
  return room !== "adapters" || [dirname(file), shared].includes(dirname(target));
}

test("only one room imports the package of a service", () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => owners[specifier] && !file.startsWith(`src/${owners[specifier]}/`))
      .map((specifier) => `${file} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test("core does no I/O and asks no clock", () => {
  const files = filesBelow("src/core");
  expect(files.filter((file) => impure.test(readFileSync(join(root, file), "utf8")))).toEqual([]);
  const packages = files.flatMap(importsOf).filter((specifier) => !specifier.startsWith("."));
  expect(packages.filter((name) => !pure.includes(name))).toEqual([]);
});

test.each([
  "Date.now()",
  "new Date()",
  "new Date;",
  "Date()",
  "Math.random()",
  "performance.now()",
  "process.env",
  "process.hrtime()",
  "crypto.getRandomValues(bytes)",
  "randomUUID()",
  "randomBytes(8)",
  'fetch("https://example.com")',
  "setInterval(look, 10)",
  "globalThis.setTimeout(look)",
])("%s would be seen in core", (text) => {
  expect(text).toMatch(impure);
});

test("nothing in src imports functions", () => {
  expect(
    sources.filter((file) => importsOf(file).some((specifier) => specifier.includes("functions/"))),
  ).toEqual([]);
});

test("no file imports itself by way of others", () => {
  const graph = new Map(
    sources.map((file) => [
      file,
      importsOf(file)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => targetOf(file, specifier)),
    ]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    expect(path, "an import cycle").not.toContain(file);
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
});
