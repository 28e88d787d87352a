import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { packageFolder } from "../configuration/project.ts";
import { BatonError } from "../core/errors/errors.ts";
import { infrastructureFolder } from "./plan.ts";
import type { Steps } from "./tools.ts";

/** The files that Baton has written into the project's folder of the infrastructure, with their hashes. */
const listFile = ".baton-files.json";
const ListSchema = z.record(z.string(), z.string());

/** What belongs to one machine or one project: it is not Baton's to copy. */
const local = /^\.|^backend\.tf$|^baton\.|\.tfstate|\.tfvars|\.tfplan$/;

interface Difference {
  /** Texts by the names of their files. */
  readonly written: ReadonlyMap<string, string>;
  /** Files of an older version. */
  readonly removed: readonly string[];
  /** Baton's files that were changed by hand. */
  readonly changed: readonly string[];
}

/**
 * Writes the Terraform files of this version of Baton into the project's folder `infra`, where Terraform keeps its
 * state and the project its own files, such as `backend.tf`. Throws `DEPLOY_INFRA_CHANGED` if one of Baton's files was
 * changed there: the change would be lost.
 */
export function writeInfrastructure(root: string, steps: Steps): void {
  const source = join(packageFolder(), infrastructureFolder);
  const target = join(root, infrastructureFolder);
  if (source === target) return;
  const texts = textsOf(source);
  const { written, removed, changed } = compare(texts, readWritten(target), (name) => readText(target, name));
  if (changed.length > 0)
    throw new BatonError("DEPLOY_INFRA_CHANGED", `Changed by hand: ${changed.join(", ")}`, { where: target });
  for (const [name, text] of written) steps.write(`${infrastructureFolder}/${name}`, text);
  for (const name of removed) steps.remove(`${infrastructureFolder}/${name}`);
  const hashes = Object.fromEntries([...texts].map(([name, text]) => [name, hashOf(text)]));
  steps.write(`${infrastructureFolder}/${listFile}`, `${JSON.stringify(hashes, null, 2)}\n`);
}

/** `written`: hashes of what Baton wrote before. `current`: reads a file of the project; undefined if there is none. */
function compare(
  texts: ReadonlyMap<string, string>,
  written: Readonly<Record<string, string>>,
  current: (name: string) => string | undefined,
): Difference {
  const isChanged = (name: string) => {
    const text = current(name);
    if (text === undefined || text === texts.get(name)) return false;
    return hashOf(text) !== written[name];
  };
  const gone = Object.keys(written).filter((name) => !texts.has(name) && current(name) !== undefined);
  const changed = [...texts.keys(), ...gone].filter(isChanged);
  return {
    written: new Map([...texts].filter(([name, text]) => current(name) !== text)),
    removed: gone,
    changed,
  };
}

function textsOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !local.test(entry.name))
    .map(({ name }) => name);
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function readWritten(folder: string): Readonly<Record<string, string>> {
  const text = readText(folder, listFile);
  return text === undefined ? {} : ListSchema.parse(JSON.parse(text));
}

function readText(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
