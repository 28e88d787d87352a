import { isAbsolute, relative, resolve } from "node:path";
import type { Command } from "commander";
import { findProject, type Project } from "../../configuration/project.ts";
import { BatonError } from "../../core/errors/errors.ts";
import type { Session } from "../session.ts";

interface Options {
  readonly workflows?: string;
  readonly json?: true;
}

export function registerPack(program: Command, session: Session): void {
  program
    .command("pack")
    .description("make the folder that `baton deploy` deploys: the workflows without types, and Baton")
    .argument("<folder>", "the folder; a former one is replaced")
    .option("--workflows <folder>", "folder of the workflows (default: BATON_WORKFLOWS)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton pack dist-package")
    .action((folder: string, options: Options) => pack(session, folder, options));
}

async function pack(session: Session, folder: string, { workflows, json }: Options): Promise<void> {
  const { planPackage, writePackage } = await import("../../deployment/package.ts");
  const { readConfiguration } = await import("../../configuration/configuration.ts");
  const { withoutReferences } = await import("../../configuration/secrets.ts");
  const target = resolve(folder);
  const { folder: root } = requireProject();
  const configured = () => readConfiguration(withoutReferences(session.environment)).workflows;
  const plan = planPackage(root, workflows === undefined ? configured() : resolve(workflows));
  writePackage(plan, target);
  const { files, packages } = plan;
  const named = Object.keys(packages.dependencies);
  if (json) session.json({ folder: target, files: files.files, dependencies: packages.dependencies });
  else
    session.print(
      `${target}: ${files.files.length} files of the project, and ${named.join(", ")} to install`,
    );
}

/** The project of the current folder. Throws `PROJECT_MISSING`. */
function requireProject(): Project {
  const project = findProject(process.cwd());
  if (project) return project;
  throw new BatonError("PROJECT_MISSING", "There is no project in this folder, nor in one above it", {
    where: process.cwd(),
  });
}

interface EnteredProject extends Project {
  /** A path of the folder before, from the project's folder. An absolute one stays. */
  toPath(path: string): string;
}

/** Makes the project's folder the current one: all paths of a deployment start there. Throws `PROJECT_MISSING`. */
export function enterProject(): EnteredProject {
  const project = requireProject();
  const before = process.cwd();
  process.chdir(project.folder);
  const toPath = (path: string) =>
    isAbsolute(path) ? path : relative(project.folder, resolve(before, path));
  return { ...project, toPath };
}
