import { dirname, join } from "node:path/posix";
import * as z from "zod";

const Texts = z.record(z.string(), z.string());
const EntrySchema = z.looseObject({
  version: z.string().optional(),
  resolved: z.string().optional(),
  link: z.boolean().optional(),
  dependencies: Texts.default({}),
  optionalDependencies: Texts.default({}),
  peerDependencies: Texts.default({}),
  peerDependenciesMeta: z.record(z.string(), z.looseObject({ optional: z.boolean().optional() })).default({}),
});
type Entry = z.infer<typeof EntrySchema>;

/** The package-lock.json of npm 7 and newer: packages by the folder in which npm installs them. */
export const LockSchema = z.looseObject({
  lockfileVersion: z.number().min(2),
  packages: z.record(z.string(), EntrySchema),
});
export type Lock = z.infer<typeof LockSchema>;

/** The package that a deployment brings itself, and the one that Google's buildpack starts. */
const ownPackage = "baton-dag";
const framework = "@google-cloud/functions-framework";

export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

export interface ProductionPackages {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  /** Entries of a lock file by their folders. */
  readonly packages: Readonly<Record<string, object>>;
  /** Why npm could not install them at Google. */
  readonly problems: readonly string[];
}

/**
 * What npm has to install for the workflows of a project: its production dependencies with all that they need, each as
 * the lock has it, and the framework that starts the function. `importer`: the project's folder, from that of the lock;
 * empty if they are the same.
 */
export function productionPackages(lock: Lock, manifest: Manifest, importer: string): ProductionPackages {
  const dependencies = without(manifest.dependencies, ownPackage);
  const optionalDependencies = without(manifest.optionalDependencies, ownPackage);
  const own = find(lock, importer, ownPackage);
  // A link, as in a workspace, leads to the folder of the package.
  const ownFolder = own?.entry.link ? (own.entry.resolved ?? "") : own?.path;
  const frameworkPlace = find(lock, importer, framework) ?? find(lock, ownFolder ?? "", framework);
  const problems: string[] = [];
  const found = new Map<string, Entry>();
  const pending: Wanted[] = [
    ...Object.keys(dependencies).map((name) => ({ name, from: importer, isOptional: false })),
    ...Object.keys(optionalDependencies).map((name) => ({ name, from: importer, isOptional: true })),
  ];
  const visit = (place: Place | undefined, { name, from, isOptional }: Wanted) => {
    const needer = from === importer ? "package.json" : nameOf(from);
    if (place === undefined) {
      if (!isOptional)
        problems.push(`package-lock.json lacks ${name}, which ${needer} needs: run npm install`);
      return;
    }
    const { path, entry } = place;
    if (entry.link || entry.resolved?.startsWith("file:")) {
      problems.push(`${name} is a folder or a file of this machine, which Google's build can't install`);
      return;
    }
    if (found.has(path)) return;
    found.set(path, entry);
    pending.push(...neededBy(path, entry));
  };
  visit(frameworkPlace, { name: framework, from: importer, isOptional: false });
  for (let next = pending.pop(); next !== undefined; next = pending.pop())
    if (next.name !== ownPackage) visit(find(lock, next.from, next.name), next);
  const version = frameworkPlace?.entry.version ?? "";
  return {
    dependencies: { [framework]: version, ...dependencies },
    optionalDependencies,
    ...placed(found, [importer, ownFolder ?? ""], problems),
  };
}

interface Wanted {
  readonly name: string;
  /** The folder of the package that needs it. */
  readonly from: string;
  readonly isOptional: boolean;
}

interface Place {
  readonly path: string;
  readonly entry: Entry;
}

function neededBy(from: string, entry: Entry): Wanted[] {
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = entry;
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [
    // An optional one also stands among the dependencies.
    ...Object.keys(dependencies).map((name) => ({ name, from, isOptional: name in optionalDependencies })),
    ...Object.keys(optionalDependencies).map((name) => ({ name, from, isOptional: true })),
    ...peers.map((name) => ({ name, from, isOptional: false })),
  ];
}

/** Where Node would find a package that a package in `from` imports. */
function find({ packages }: Lock, from: string, name: string): Place | undefined {
  for (let folder = from === "" ? "." : from; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    const entry = packages[path];
    if (entry && !folder.endsWith("node_modules")) return { path, entry };
    if (folder === ".") return undefined;
  }
}

/** In the deployed folder, packages of the project's own folder and of Baton's are at the top. */
function placed(found: ReadonlyMap<string, Entry>, owners: readonly string[], problems: readonly string[]) {
  const packages = new Map<string, object>();
  const collisions: string[] = [];
  const bySource = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [path, entry] of bySource) {
    const owner = owners.find((folder) => folder !== "" && path.startsWith(`${folder}/node_modules/`));
    const target = owner === undefined ? path : path.slice(owner.length + 1);
    const { dev: _, devOptional: __, peer: ___, ...kept } = withoutDefaults(entry);
    if (packages.has(target))
      collisions.push(`${nameOf(path)} is needed in two versions: let ${path} and ${target} be the same`);
    packages.set(target, kept);
  }
  return { packages: Object.fromEntries(packages), problems: [...problems, ...collisions] };
}

/** An entry as npm writes it, without the empty maps that its schema has added. */
function withoutDefaults(entry: Entry): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).filter(
      ([, value]) => typeof value !== "object" || value === null || Object.keys(value).length > 0,
    ),
  );
}

function without(packages: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(packages).filter(([each]) => each !== name));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}
