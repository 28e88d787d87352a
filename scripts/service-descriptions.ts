// Google's clients describe all services and versions of a package to protobufjs, in JSON, which takes longer to read
// than the rest of a cold start. In the bundle each client gets what it names and what that refers to. Its classes of
// messages are megabytes that only calls of administration use, and Baton makes none: they are not in the bundle.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Plugin } from "rolldown";

const descriptions = /\/protos\/(?:protos|iam_service|locations)\.json$/;
const classes = /\/protos\/(?:protos|iam_service|locations|operations)\.js$/;
const names = /["'`]\.?(google(?:\.\w+)+)["'`]/g;
/** In the id of a description, before the path of the client that it is for. */
const ofClient = "?of=";
/** The details of an error may be any of these. */
const errorDetails = "google.rpc";

/** A namespace, message, enum, service or extension, as protobufjs writes it. */
interface Node {
  readonly nested?: Readonly<Record<string, Node>>;
  readonly fields?: Readonly<Record<string, { readonly type: string }>>;
  readonly methods?: Readonly<
    Record<string, { readonly requestType: string; readonly responseType: string }>
  >;
  readonly values?: object;
  readonly extend?: string;
}

/** A plugin for rolldown. */
export function serviceDescriptions(): Plugin {
  return {
    name: "service-descriptions",
    resolveId: {
      filter: { id: descriptions },
      // Each client that reads a description has one of its own. Clients of several versions have the same file name.
      handler: (source, client = "") =>
        `${resolve(dirname(client), source)}${ofClient}${encodeURIComponent(client)}`,
    },
    load: {
      filter: { id: [/\.json\?of=/, classes] },
      handler(id) {
        if (classes.test(id)) return { code: classesLeftOut, moduleType: "js" };
        return { code: JSON.stringify(descriptionFor(id)), moduleType: "json" };
      },
    },
    // Some clients read their JSON from files, which are not beside the bundle.
    transform: {
      filter: { id: /_client\.js$/, code: "getJSON(path.join(dirname," },
      handler: (code) => ({ code: withImportedJson(code), map: null }),
    },
  };
}

function descriptionFor(id: string): Node {
  const [path = "", client = ""] = id.split(ofClient);
  const wanted = [...readFileSync(decodeURIComponent(client), "utf8").matchAll(names)].map(
    ([, name = ""]) => name,
  );
  return reduced(JSON.parse(readFileSync(path, "utf8")), wanted);
}

/** The part of `description` that holds what is `wanted`, whole namespaces excepted, and all that it refers to. */
export function reduced(description: Node, wanted: readonly string[]): Node {
  const kept = new Set<string>();
  const pending = [...wanted, ...namesBelow(description, errorDetails)];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const found = find(description, name);
    if (kept.has(name) || found === undefined || isNamespace(found)) continue;
    kept.add(name);
    for (const reference of references(found)) pending.push(fullName(description, reference, name));
  }
  return { ...description, nested: keptBelow(description, "", kept) };
}

function find(description: Node, name: string): Node | undefined {
  return name.split(".").reduce<Node | undefined>((node, part) => node?.nested?.[part], description);
}

/** Neither a message nor an enum, a service or an extension. */
function isNamespace({ fields, values, methods, extend }: Node): boolean {
  return [fields, values, methods, extend].every((part) => part === undefined);
}

function namesBelow(description: Node, name: string): string[] {
  return Object.keys(find(description, name)?.nested ?? {}).map((part) => `${name}.${part}`);
}

function references({ fields = {}, methods = {} }: Node): string[] {
  return [
    ...Object.values(fields).map(({ type }) => type),
    ...Object.values(methods).flatMap(({ requestType, responseType }) => [requestType, responseType]),
  ];
}

/** A reference is looked up from the inside outwards. That of a built-in type, such as `string`, finds nothing. */
function fullName(description: Node, reference: string, user: string): string {
  const name = reference.replace(/^\./, "");
  for (let scope = user.split("."); scope.length > 0; scope = scope.slice(0, -1)) {
    const candidate = [...scope, name].join(".");
    if (find(description, candidate) !== undefined) return candidate;
  }
  return name;
}

/** A message that is not kept itself stays as the namespace of one that is. */
function keptBelow({ nested = {} }: Node, prefix: string, kept: ReadonlySet<string>): Record<string, Node> {
  const entries = Object.entries(nested).flatMap(([part, node]): [string, Node][] => {
    const name = `${prefix}${part}`;
    const { nested: _, ...own } = node;
    const inner = keptBelow(node, `${name}.`, kept);
    const hasInner = Object.keys(inner).length > 0;
    if (!kept.has(name)) return hasInner ? [[part, { nested: inner }]] : [];
    return [[part, hasInner ? { ...own, nested: inner } : own]];
  });
  return Object.fromEntries(entries);
}

const readJson = /getJSON\(path\.join\(dirname,([^()]*)\)\)/g;

/** Imports the JSON files that a client reads from its package. */
export function withImportedJson(code: string): string {
  const imports: string[] = [];
  const changed = code.replaceAll(readJson, (_, parts: string) => {
    const path = parts.split(",").map((part) => part.trim().slice(1, -1));
    imports.push(`import json${imports.length} from ${JSON.stringify(`./${path.join("/")}`)};`);
    return `json${imports.length - 1}`;
  });
  return [...imports, changed].join("\n");
}

/**
 * A CommonJS module with a `google` whose namespaces, with names that begin with a small letter, can be read. Reading
 * anything of a class, or creating an object, throws.
 */
export const classesLeftOut = `
const leftOut = (names) => { throw new Error(names.join(".") + " is not in Baton's bundle"); };
const namespace = (names) => new Proxy({}, {
  get(_, name) {
    if (typeof name !== "string") return undefined;
    const inner = [...names, name];
    return /^[a-z]/.test(name) ? namespace(inner) : messageClass(inner);
  },
});
const messageClass = (names) => new Proxy(class {}, {
  get: () => leftOut(names),
  construct: () => leftOut(names),
});
exports.google = namespace(["google"]);
`;
