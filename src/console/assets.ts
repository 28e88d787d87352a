import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { PageRequest, PageResponse } from "../ports/pages.ts";
import { assetResponse } from "./responses.ts";

/** The files of the build that browsers load. */
export interface Assets {
  readonly styleHref: string;
  readonly scriptHref: string;
  readonly style: string;
  /** Undefined: there is no such file. */
  respond(request: PageRequest, path: string): PageResponse | undefined;
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
<rect width="24" height="24" rx="6" fill="#4353ff"/>
<path d="M5.5 17.5 14 9" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
<circle cx="16.5" cy="7.5" r="3" fill="#fff"/></svg>`;

/** Reads what the build made for browsers. `folder`: `dist/console` of the package. */
export function readAssets(folder: string): Assets {
  const files = new Map<string, { readonly type: string; readonly body: Buffer }>();
  const add = (name: string, extension: string, type: string, body: Buffer) => {
    const hash = createHash("sha256").update(body).digest("hex").slice(0, 12);
    const path = `/assets/${name}.${hash}.${extension}`;
    files.set(path, { type, body });
    return path;
  };
  const style = readFileSync(`${folder}/console.css`);
  files.set("/assets/icon.svg", { type: "image/svg+xml", body: Buffer.from(icon) });
  return {
    style: style.toString(),
    styleHref: add("console", "css", "text/css; charset=utf-8", style),
    scriptHref: add("console", "js", "text/javascript; charset=utf-8", readFileSync(`${folder}/console.js`)),
    respond(request, path) {
      const file = files.get(path);
      return file && assetResponse(request, file.type, file.body);
    },
  };
}
