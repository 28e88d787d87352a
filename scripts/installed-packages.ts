// Code of packages in the bundle finds the files of its package where that is installed, beside the bundle.
import { createRequire } from "node:module";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const ofPackage = /^(?<folder>.*\/node_modules\/(?<name>(?:@[^/]+\/)?[^/]+))(?:\/|$)/;

/** The folder of the package that a module belongs to, or none. */
export function packageFolder(id: string): string[] {
  const folder = ofPackage.exec(id)?.groups?.folder;
  return folder === undefined ? [] : [folder];
}

/** The name of that package without its scope, if there is one. */
export function packageName(id: string): string | undefined {
  return ofPackage.exec(id)?.groups?.name?.replace(/^@.*\//, "");
}

/** An expression for a CommonJS module. Packages export few of their files, but each one exports its main module. */
export function installedPath(path: string): string {
  const name = nameOf(path);
  const fromMain = relative(dirname(require.resolve(name)), path);
  return `require("node:path").join(require.resolve(${JSON.stringify(name)}), "..", ${JSON.stringify(fromMain)})`;
}

/** The same for an ECMAScript module: an expression for a URL. */
export function installedUrl(path: string): string {
  const name = nameOf(path);
  const fromMain = relative(dirname(fileURLToPath(import.meta.resolve(name))), path);
  return `new URL(${JSON.stringify(fromMain)}, import.meta.resolve(${JSON.stringify(name)})).href`;
}

function nameOf(path: string): string {
  const name = ofPackage.exec(path)?.groups?.name;
  if (name === undefined) throw new Error(`${path} is not in a package`);
  return name;
}
