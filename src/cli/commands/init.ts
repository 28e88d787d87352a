import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import * as z from "zod";
import { packageFolder } from "../../configuration/project.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { confirm } from "../deploy/deploy.ts";
import { table } from "../output/text.ts";
import type { Session } from "../session.ts";

interface Options {
  readonly dir?: string;
  readonly package?: string;
  readonly yes?: true;
  readonly json?: true;
}

export function registerInit(program: Command, session: Session): void {
  program
    .command("init")
    .description("make a project: two workflows, their tests, and files for CI and deployment")
    .argument("[folder]", "folder of the project (default: the current folder)")
    .option("--dir <folder>", "the same as the argument")
    .option("--package <spec>", "what npm installs as baton-dag (default: this version)")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton init my-project")
    .action((folder: string | undefined, options: Options) => init(session, folder, options));
}

async function init(session: Session, argument: string | undefined, options: Options): Promise<void> {
  if (argument !== undefined && options.dir !== undefined && resolve(argument) !== resolve(options.dir))
    throw new BatonError("USAGE", "Name the folder once: as the argument, or with --dir");
  const folder = resolve(argument ?? options.dir ?? ".");
  const files = templateFiles(folder, options.package);
  const [kept, created] = partition(files, ({ path }) => existsSync(join(folder, path)));
  if (!options.yes && created.length > 0) {
    if (!options.json) session.print(filesText(folder, created, kept));
    await confirm(session, `Create ${created.length} files in ${folder}? Type yes to continue:`, [
      "yes",
      "y",
    ]);
  }
  for (const { path, text } of created) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    // It may have appeared meanwhile: nothing is ever overwritten.
    writeFileSync(join(folder, path), text, { flag: "wx" });
  }
  const paths = { created: created.map(({ path }) => path), kept: kept.map(({ path }) => path) };
  if (options.json) session.json({ folder, ...paths });
  else session.print(nextText(folder, created, kept));
}

interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/** A project gets the versions that Baton was tested with. */
const ManifestSchema = z.object({
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

/** The files of a new project, with its name and the versions of its packages. */
function templateFiles(folder: string, batonDag: string | undefined): ProjectFile[] {
  const place = join(packageFolder(), "template");
  const { version, dependencies, devDependencies } = ManifestSchema.parse(
    JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8")),
  );
  const values: Readonly<Record<string, string>> = {
    ...dependencies,
    ...devDependencies,
    name: packageName(folder),
    "baton-dag": specFor(batonDag, folder) ?? version,
  };
  const fill = (text: string) =>
    text.replaceAll(/\{\{([@/\w-]+)\}\}/g, (whole, name: string) => values[name] ?? whole);
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => ({
      // npm leaves a file of the name .gitignore out of packages.
      path: relative(place, join(parentPath, name === "gitignore" ? ".gitignore" : name)),
      text: fill(readFileSync(join(parentPath, name), "utf8")),
    }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** A path is relative to the current folder here, and to the project in its package.json. */
function specFor(given: string | undefined, folder: string): string | undefined {
  if (given === undefined || !existsSync(given)) return given;
  return `file:${relative(folder, resolve(given))}`;
}

/** The name of the folder, as npm takes names. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|-+$/g, "");
  return name === "" || name === "node_modules" || name === "baton-dag" ? "workflows" : name;
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

function filesText(folder: string, created: readonly ProjectFile[], kept: readonly ProjectFile[]): string {
  const rows = [
    ...created.map(({ path }) => [path, "new"]),
    ...kept.map(({ path }) => [path, "exists, and stays as it is"]),
  ];
  return `${folder}\n\n${table(["FILE", ""], rows)}\n`;
}

function nextText(folder: string, created: readonly ProjectFile[], kept: readonly ProjectFile[]): string {
  const place = relative(process.cwd(), folder);
  const manifest = kept.find(({ path }) => path === "package.json");
  return [
    `${created.length} files created in ${folder}${kept.length > 0 ? `, ${kept.length} kept` : ""}.`,
    ...(manifest ? [`package.json was kept. Add to it what is missing:\n${manifest.text}`] : []),
    "Next:",
    ...(place === "" ? [] : [`  cd ${place}`]),
    "  npm install",
    "  npm test",
    "  npx baton dev",
  ].join("\n");
}
