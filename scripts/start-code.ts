// What nearly every start loads is one file of the bundle, and loads Node's own modules in the cheapest way.
import { builtinModules } from "node:module";
import type { ChunkingContext, Plugin } from "rolldown";

/**
 * Names the group of the modules that `roots` import, directly or not, and that are not loaded only when they are
 * needed (`await import`). All other modules are in files that rolldown chooses, and the roots stay where they are.
 */
export function startCode(roots: readonly string[]) {
  let loaded: Set<string> | undefined;
  return (id: string, graph: Pick<ChunkingContext, "getModuleInfo">): string | null => {
    loaded ??= importedBy(roots, graph);
    return loaded.has(id) && !roots.includes(id) ? "start" : null;
  };
}

function importedBy(roots: readonly string[], graph: Pick<ChunkingContext, "getModuleInfo">): Set<string> {
  const found = new Set(roots);
  for (const id of found)
    for (const imported of graph.getModuleInfo(id)?.importedIds ?? []) found.add(imported);
  return found;
}

const prefix = "\0builtin:";

/**
 * A plugin for rolldown. An `import` of one of Node's modules reads everything that it exports, which loads others:
 * that of `node:http` loads fetch and web sockets, that of `node:crypto` all algorithms. A look-up does not.
 */
export function builtinLookUps(): Plugin {
  const builtins = new Set(builtinModules);
  return {
    name: "builtin-look-ups",
    resolveId(source, importer, { kind }) {
      if (!source.startsWith("node:") && !builtins.has(source)) return undefined;
      // The code that rolldown adds is loaded first.
      const isLookedUp = kind !== "require-call" && !importer?.startsWith("\0");
      return isLookedUp ? prefix + source : { id: source, external: true };
    },
    load: {
      filter: { id: /^\0builtin:/ },
      handler(id) {
        const name = JSON.stringify(id.slice(prefix.length));
        return { code: `module.exports = process.getBuiltinModule(${name});`, moduleType: "js" };
      },
    },
  };
}
