// The packages whose modules are in the bundle.
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

/**
 * In place of the folder of a module. Of a package only modules are in the bundle: a path to another of its files leads
 * nowhere, and the error says so.
 */
export function placeLeftOut(id: string): string {
  return `/of-${packageName(id) ?? "a-package"}-only-modules-are-in-the-bundle`;
}
