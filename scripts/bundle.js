// Bundles what the programs load into few files: reading hundreds of modules takes most of the time of a command and of
// a cold start. All packages are part of it, so a project installs none of them. What only some starts need is in files
// of its own.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { minifySync } from "rolldown/utils";
import { packageFolder, packageName, placeLeftOut } from "./installed-packages.ts";
import { serviceDescriptions } from "./service-descriptions.ts";
import { builtinLookUps, startCode } from "./start-code.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Modules that are loaded by their path. Everything else is in files that they share. */
const entries = [
  // The package, the command, and the function.
  "src/index",
  "src/testing/index",
  "src/cli/main",
  "functions/{console,first-message,serve}",
  // What tests, scripts and benchmarks load.
  "src/cli/{program,session,follow-batch}",
  "src/app/{embedded,local-server}",
  "src/adapters/duckdb/{database-file,duckdb-warehouse}",
  "src/adapters/pino/logger",
  "src/configuration/configuration",
];

/** A function on Google Cloud, an embedded engine and a workflow file load these. */
const everyStart = ["functions/serve", "src/app/cloud", "src/app/embedded", "src/index"];

/** A package's own code, and modules that are lazy for some importers only. */
const quiet = ["EVAL", "INEFFECTIVE_DYNAMIC_IMPORT"];

/** Packages that are not in the bundle. DuckDB is native code, and only projects that use it install it. */
const installed = ["@duckdb/node-api"];

/** Workflow files that import our zod get the one that is bundled. */
const zod = { "src/zod": "zod" };

/** Writes the bundle and the licences of the packages in it to `target`. */
export async function writeBundle(target) {
  const build = await rolldown({
    cwd: root,
    platform: "node",
    input: { ...Object.fromEntries(entryFiles().map((file) => [file.slice(0, -3), root + file])), ...zod },
    external: isExternal,
    plugins: [builtinLookUps(), serviceDescriptions(), placesOfPackages(), shortPackages()],
    onLog: (level, log, report) => (quiet.includes(log.code) ? undefined : report(level, log)),
  });
  const { output } = await build.write({
    dir: target,
    format: "esm",
    chunkFileNames: (chunk) => `src/chunks/${nameOf(chunk)}-[hash].js`,
    sourcemap: true,
    sourcemapExcludeSources: true,
    comments: false,
    codeSplitting: {
      groups: [
        { name: "zod", test: /\/node_modules\/zod\//, priority: 1 },
        { debugName: "start", name: startCode(everyStart.map((name) => `${root}${name}.ts`)) },
      ],
    },
  });
  await build.close();
  const packages = new Set(output.flatMap((file) => Object.keys(file.modules ?? {})).flatMap(packageFolder));
  writeFileSync(`${target}/LICENSES-OF-PACKAGES.txt`, licences([...packages].sort()));
}

function entryFiles() {
  return entries.flatMap((pattern) => globSync(`${pattern}.ts`, { cwd: root }));
}

function isExternal(id) {
  if (/^[./\0]/.test(id) || id.startsWith(root) || isBuiltin(id)) return false;
  return installed.some((name) => id === name || id.startsWith(`${name}/`));
}

/** Modules of packages can't find the files of their package: those are not in the bundle. */
function placesOfPackages() {
  return {
    name: "places-of-packages",
    transform: {
      filter: { id: /\/node_modules\//, code: /\b__dirname\b|\bimport\.meta\.url\b/ },
      handler(code, id) {
        const place = placeLeftOut(id);
        return {
          code: code
            .replaceAll("import.meta.url", JSON.stringify(`file://${place}`))
            .replaceAll(/\b__dirname\b/g, JSON.stringify(place)),
          map: null,
        };
      },
    },
  };
}

/** A file with code of packages has the name of the package that the others in it are for. */
function nameOf({ name, moduleIds }) {
  return isOfPackages({ moduleIds }) ? (packageName(moduleIds.at(-1)) ?? name) : name;
}

function isOfPackages({ moduleIds }) {
  return moduleIds.every((id) => /^\0|\/node_modules\//.test(id));
}

/** Files that hold only code of packages keep its names, and lose comments, white space and source maps. */
function shortPackages() {
  return {
    name: "short-packages",
    renderChunk(code, chunk) {
      if (!isOfPackages(chunk)) return undefined;
      const short = minifySync(chunk.fileName, code, {
        compress: false,
        mangle: false,
        codegen: { removeWhitespace: true, legalComments: "none" },
      });
      return { code: short.code, map: null };
    },
    generateBundle(_, output) {
      const chunks = Object.values(output).filter(({ type }) => type === "chunk");
      for (const chunk of chunks.filter(isOfPackages)) {
        delete output[`${chunk.fileName}.map`];
        chunk.code = chunk.code.replace(/^\/\/# sourceMappingURL=.*$/m, "");
      }
    },
  };
}

/** The licence of each package, as it is in the package. */
function licences(folders) {
  const texts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const [file] = globSync("{LICEN[CS]E,licen[cs]e}*", { cwd: folder });
    const text = file === undefined ? String(license) : readFileSync(`${folder}/${file}`, "utf8").trim();
    return `${name} ${version}\n\n${text}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
