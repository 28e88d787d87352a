import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";

/** A folder of workflows with a package.json that depends on Baton. */
export interface Project {
  readonly folder: string;
  /** The folder of its workflow files. */
  readonly workflows: string;
}

/** What makes a package.json that of a project. */
const packageName = "baton-dag";
const defaultWorkflows = "workflows";

const ManifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  baton: z.unknown().optional(),
});
type Manifest = z.infer<typeof ManifestSchema>;

const FieldSchema = z.strictObject({ workflows: z.string().min(1).default(defaultWorkflows) });

/**
 * The project that a folder is in: that of the nearest package.json, here or above, that depends on baton-dag or has a
 * field `baton`. Undefined if there is none. Throws `CONFIGURATION_INVALID` for an invalid field.
 */
export function findProject(from: string): Project | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const manifest = readManifest(folder);
    if (manifest && isOfProject(manifest)) return toProject(folder, manifest);
    if (folder === dirname(folder)) return undefined;
  }
}

/** The folder of Baton's own package, which holds its template, its infrastructure and its pages. */
export function packageFolder(): string {
  const { url } = import.meta;
  // In a build, modules are below dist/src.
  const name = url.endsWith(".js") ? "/dist/src/" : "/src/";
  return fileURLToPath(url.slice(0, url.lastIndexOf(name)));
}

/** The default folders of a process: those of its project, and otherwise of the current folder. */
export function defaultFolders(): { readonly data: string; readonly workflows: string } {
  const { folder, workflows } = findProject(process.cwd()) ?? {
    folder: process.cwd(),
    workflows: resolve(defaultWorkflows),
  };
  return { data: join(folder, ".baton"), workflows };
}

function isOfProject({ dependencies, devDependencies, baton }: Manifest): boolean {
  return packageName in dependencies || packageName in devDependencies || baton !== undefined;
}

/** Undefined for a missing package.json, and for one that npm could not read either. */
function readManifest(folder: string): Manifest | undefined {
  try {
    return ManifestSchema.safeParse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))).data;
  } catch {
    return undefined;
  }
}

function toProject(folder: string, { baton = {} }: Manifest): Project {
  const { data, error } = FieldSchema.safeParse(baton);
  if (data) return { folder, workflows: resolve(folder, data.workflows) };
  throw new BatonError("CONFIGURATION_INVALID", `The field "baton" is invalid: ${z.prettifyError(error)}`, {
    where: join(folder, "package.json"),
    remedy: 'Write the folder of the workflow files: "baton": { "workflows": "workflows" }.',
  });
}
