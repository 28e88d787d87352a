import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import * as z from "zod";
import { packageFolder } from "../configuration/project.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { type Lock, LockSchema, type ProductionPackages, productionPackages } from "./package-lock.ts";
import { compiled, compiledName, type ProjectFiles, projectFiles } from "./project-files.ts";

/** Baton's own folder in the deployed one. */
const batonFolder = "baton-dag";
/** A folder without it was not made by Baton. */
const markFile = join(batonFolder, "package.json");

const Texts = z.record(z.string(), z.string());
const ManifestSchema = z.looseObject({
  name: z.string().default("workflows"),
  version: z.string().default("0.0.0"),
  type: z.enum(["module", "commonjs"]).optional(),
  files: z.array(z.string()).default([]),
  dependencies: Texts.default({}),
  optionalDependencies: Texts.default({}),
  imports: z.record(z.string(), z.unknown()).optional(),
  overrides: z.record(z.string(), z.unknown()).optional(),
});

const OwnManifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** What is deployed, before it is written. */
export interface PackagePlan {
  readonly folder: string;
  /** The folder of the workflows in the deployed one. */
  readonly workflows: string;
  readonly manifest: z.infer<typeof ManifestSchema>;
  readonly packages: ProductionPackages;
  readonly files: ProjectFiles;
  /** Why it can't be deployed. */
  readonly problems: readonly string[];
}

/** Plans the folder that is deployed. Nothing is written. */
export function planPackage(folder: string, workflows: string): PackagePlan {
  const problems: string[] = [];
  const manifest = ManifestSchema.parse(readJson(join(folder, "package.json"), problems) ?? {});
  const place = lockFolder(folder);
  const lock = place === undefined ? undefined : readLock(join(place, "package-lock.json"), problems);
  if (place === undefined) problems.push("There is no package-lock.json: run npm install");
  const importer = place === undefined ? "" : relative(place, folder).split(sep).join("/");
  const packages =
    lock === undefined
      ? { dependencies: {}, optionalDependencies: {}, packages: {}, problems: [] }
      : productionPackages(lock, manifest, importer);
  const isInside = workflows.startsWith(folder + sep);
  if (!isInside)
    problems.push(`The workflows are in ${workflows}, which is outside of the project ${folder}`);
  const files = isInside
    ? projectFiles(folder, { workflows, patterns: manifest.files })
    : { files: [], problems: [] };
  return {
    folder,
    workflows: relative(folder, workflows).split(sep).join("/"),
    manifest,
    packages,
    files,
    problems: [...problems, ...packages.problems, ...files.problems, ...buildProblems()],
  };
}

/** Writes the folder. Throws `USAGE` for one that Baton has not made, `DEPLOY_PACKAGE_INVALID`. */
export function writePackage(plan: PackagePlan, target: string): void {
  const { folder, problems, files } = plan;
  if (problems.length > 0) throw new BatonError("DEPLOY_PACKAGE_INVALID", problems.join("\n"));
  if (`${folder}${sep}`.startsWith(`${target}${sep}`))
    throw new BatonError("USAGE", `${target} contains the project: name another folder`);
  if (existsSync(target) && !existsSync(join(target, markFile)))
    throw new BatonError("USAGE", `${target} exists and was not made by Baton: name another folder`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const path of files.files) {
    const destination = join(target, compiledName(path));
    mkdirSync(dirname(destination), { recursive: true });
    try {
      writeFileSync(destination, compiled(folder, path));
    } catch (cause) {
      throw new BatonError("WORKFLOW_FILE_FAILED", errorMessage(cause), { where: path, cause });
    }
  }
  copyBaton(join(target, batonFolder));
  writeJson(join(target, "package.json"), deployedManifest(plan));
  writeJson(join(target, "package-lock.json"), deployedLock(plan));
}

/** The build of this package, without declarations. */
function copyBaton(target: string): void {
  const own = packageFolder();
  cpSync(join(own, "dist"), join(target, "dist"), {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => !source.endsWith(".d.ts"),
  });
  cpSync(join(own, "LICENSE"), join(target, "LICENSE"));
  const manifest = OwnManifestSchema.parse(JSON.parse(readFileSync(join(own, "package.json"), "utf8")));
  writeJson(join(target, "package.json"), { ...manifest, type: "module" });
}

/** The one script runs in Google's build. None of the project's own does: `build` and `prepare` would. */
function deployedManifest({ manifest, packages, workflows }: PackagePlan) {
  const { name, version, type, imports, overrides } = manifest;
  const { dependencies, optionalDependencies } = packages;
  return {
    ...{ name, version, private: true },
    ...(type !== undefined && { type }),
    main: `./${batonFolder}/dist/functions/index.js`,
    // The buildpack installs with the newest Node in this range. The function runs on the Node of its base image.
    engines: { node: "24.x" },
    scripts: { "gcp-build": `node ${batonFolder}/dist/functions/compile.js || true` },
    dependencies,
    ...(Object.keys(optionalDependencies).length > 0 && { optionalDependencies }),
    ...(imports && { imports: JSON.parse(JSON.stringify(imports).replaceAll(/\.([cm]?)ts"/g, '.$1js"')) }),
    ...(overrides && { overrides }),
    baton: { workflows },
  };
}

function deployedLock(plan: PackagePlan) {
  const { name, version, dependencies, optionalDependencies, engines } = deployedManifest(plan);
  const root = {
    name,
    version,
    dependencies,
    ...(optionalDependencies && { optionalDependencies }),
    engines,
  };
  const packages = { "": root, ...plan.packages.packages };
  return { name, version, lockfileVersion: 3, requires: true, packages };
}

/** In a workspace, the lock is in a folder above. */
function lockFolder(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package-lock.json"))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function readLock(path: string, problems: string[]): Lock | undefined {
  const { data } = LockSchema.safeParse(readJson(path, problems));
  if (data === undefined) problems.push(`${path} can't be read: write it again with npm 7 or newer`);
  return data;
}

function readJson(path: string, problems: string[]): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    problems.push(`${path} can't be read: ${errorMessage(error)}`);
    return undefined;
  }
}

function writeJson(path: string, content: object): void {
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
}

function buildProblems(): string[] {
  const entry = join(packageFolder(), "dist/functions/index.js");
  return existsSync(entry) ? [] : [`${entry} is missing: run \`npm run build\` there`];
}
