import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const folder = new URL("../../data/site/", import.meta.url);

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
};

export interface SiteFile {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** The file of a path of the site, if there is one; nothing outside of its folder. */
export async function siteFile(pathname: string): Promise<SiteFile | undefined> {
  const url = new URL(`.${pathname.endsWith("/") ? `${pathname}index.html` : pathname}`, folder);
  const contentType = contentTypes[extname(url.pathname)];
  if (!url.href.startsWith(folder.href) || contentType === undefined) return undefined;
  try {
    return { bytes: await readFile(fileURLToPath(url)), contentType };
  } catch {
    // No such file, or a path that no file can have.
    return undefined;
  }
}
