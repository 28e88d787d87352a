import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
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
  console: ["app", "ports", "core"],
  cli: [
    "console",
    "testing",
    "deployment",
    "doctor",
    "app",
    "configuration",
    "engine",
    "workflow",
    "ports",
    "core",
  ],
  testing: ["engine", "entry", "runtime", "tasks", "workflow", "adapters", "ports", "core"],
  client: ["app", "configuration", "workflow", "core"],
  "index.ts": ["client", "workflow", "tasks", "runtime", "ports", "core"],
};

/** What the adapters of remote services share: the one folder of adapters that other adapters import. */
const shared = "src/adapters/remote";

/** Packages that reach services, and the one folder that may import each. */
const owners: Readonly<Record<string, string>> = {
  "@duckdb/node-api": "adapters/duckdb",
  "@polyglot-sql/sdk": "adapters/duckdb",
  "@azure/msal-node": "adapters/power-bi",
  "@google-cloud/bigquery": "adapters/bigquery",
  "@google-cloud/firestore": "adapters/firestore",
  "@google-cloud/pubsub": "adapters/pubsub",
  "@google-cloud/storage": "adapters/storage",
  "@google-cloud/tasks": "adapters/cloud-tasks",
  "google-auth-library": "adapters/remote",
  "@modelcontextprotocol/sdk/server/index.js": "cli/mcp",
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

/** The packages that core may use: they only compute. Of `node:crypto`, core uses only hashes. */
const pure = [
  "@bufbuild/cel",
  "@bufbuild/cel/ext",
  "canonicalize",
  "fastest-levenshtein",
  "node:crypto",
  "node:stream",
  "node:zlib",
  "picomatch",
  "zod",
];

/** Globals, and functions of `node:crypto`, that read or change the world outside the program. */
const impure = new RegExp(
  [
    /\bDate\.now|\bnew Date\b(?!\([^)])|\bDate\(\)|\bMath\.random|\brandom[A-Z]\w*\(/,
    /\b(?:performance|process|crypto|globalThis)(?:\.\w|\[)/,
    /\b(?:fetch|queueMicrotask|set(?:Timeout|Interval|Immediate))\(/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

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

function folderOf(file: string): string {
  return file.split("/")[1] ?? "";
}

const sources = filesBelow("src");

/** They name that folder, and work without it. */
const ofSamples = new Set([
  "test/architecture.test.ts",
  "test/language.test.ts",
  "test/package/release.test.ts",
  "test/package/without-samples.long.test.ts",
  "test/readme.test.ts",
]);

/** What a newcomer can take in: files that hold one idea whole, in folders that fit on a screen. */
const shape = { filesInFolder: 15, longestFileLines: 300, leastMedianLines: 80, filesOfOneName: 2 };

test("each file is one idea, and no folder is a heap", () => {
  const lines = new Map(
    sources.map((file) => [file, readFileSync(join(root, file), "utf8").split("\n").length - 1]),
  );
  const sorted = [...lines.values()].sort((one, other) => one - other);
  expect([...lines].filter(([, count]) => count > shape.longestFileLines)).toEqual([]);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeGreaterThanOrEqual(shape.leastMedianLines);
  const folders = Map.groupBy(sources, dirname);
  expect([...folders.values()].filter((files) => files.length > shape.filesInFolder)).toEqual([]);
});

test("no base name of a file is used for three things", () => {
  // The name of an entry that others import by its folder.
  const named = sources.filter((file) => basename(file) !== "index.ts");
  const names = Map.groupBy(named, (file) => basename(file));
  expect([...names.values()].filter((files) => files.length > shape.filesOfOneName)).toEqual([]);
});

test("every folder imports only what it may", () => {
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
  const folder = folderOf(file);
  if (folderOf(target) !== folder) return allowed[folder]?.includes(folderOf(target)) ?? false;
  return folder !== "adapters" || [serviceOf(file), shared].includes(serviceOf(target));
}

/** `src/adapters/<service>` */
function serviceOf(file: string): string {
  return file.split("/").slice(0, 3).join("/");
}

test("only one folder imports the package of a service", () => {
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

test("nothing outside of samples uses what is in it", () => {
  const files = globSync("{src,functions,bench,scripts,bin,test,template}/**/*.{ts,js,yaml,json}", {
    cwd: root,
  });
  expect(files.length).toBeGreaterThan(900);
  const named = files.filter(
    (file) => !ofSamples.has(file) && /\bsamples\//.test(readFileSync(join(root, file), "utf8")),
  );
  expect(named).toEqual([]);
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

test("each source file that a page or the infrastructure names exists", () => {
  const texts = globSync("{*.md,{docs,infra,bench,test/simulation}/**/*.{md,tf},cloudbuild*.yaml}", {
    cwd: root,
    exclude: ["**/node_modules"],
  });
  expect(texts.length).toBeGreaterThan(40);
  const missing = texts.flatMap((text) =>
    [...readFileSync(join(root, text), "utf8").matchAll(/(?:`|\bsrc\/)((?:[\w-]+\/)+[\w-]+\.ts)\b/g)]
      .map(([, path = ""]) => path)
      .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, "src", path)))
      .map((path) => `${text}: ${path}`),
  );
  expect(missing).toEqual([]);
});
