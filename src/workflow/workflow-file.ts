import { readFile } from "node:fs/promises";
import { type ResolveHookSync, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import type { Definition } from "../core/workflow/definition.ts";
import { tasksOverJoinLimit } from "../core/workflow/graph.ts";
import type { TaskType } from "../runtime/task-type.ts";
import { exportedTaskType } from "../runtime/user-task-type.ts";
import type { TaskTypes } from "./data-workflow.ts";
import { placeOfLoadError } from "./files/file-error.ts";
import { followImports, moduleUrl, ownFolder, type WorkflowFile } from "./files/folder-files.ts";
import { conditionProblems } from "./problems/expression-problems.ts";
import { staticInput } from "./problems/input-fields.ts";
import { templateProblems, type WorkflowProblem } from "./problems/problems.ts";
import { compileTypeScript } from "./typescript-source.ts";
import { type BuiltWorkflow, collectUnfinished, isWorkflow, type UnfinishedWorkflow } from "./workflow.ts";

const isBuilt = import.meta.url.endsWith(".js");
const entry = new URL(isBuilt ? "index.js" : "index.ts", ownFolder);
let provided = false;
const missing: ReadonlySet<unknown> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);

/** The zod that is bundled with a build. The engine uses it too. */
const bundledZod = isBuilt ? new URL("zod.js", ownFolder).href : undefined;
const zodNames = ["zod", "zod/v4"];

/**
 * From now on every file can import `baton-dag` and `zod`, even if no `node_modules` holds them. An import that can't
 * be resolved there is resolved to this package and to its own zod. For a build its own zod is the bundled one.
 */
function providePackages(): void {
  if (provided) return;
  provided = true;
  const own = bundledZod === undefined ? [] : zodNames.map(resolveHere);
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = resolvePackage(specifier, context, nextResolve);
      return bundledZod !== undefined && own.includes(resolved.url)
        ? { ...resolved, url: bundledZod }
        : resolved;
    },
  });
}

/** Where this package finds another one. */
function resolveHere(name: string): string | undefined {
  try {
    return import.meta.resolve(name);
  } catch {
    return undefined;
  }
}

const resolvePackage: ResolveHookSync = (specifier, context, nextResolve) => {
  try {
    return nextResolve(specifier, context);
  } catch (error) {
    if (!missing.has(errorCode(error))) throw error;
    // A deployed project has no TypeScript any more, but its modules still name it.
    if (typescript.test(specifier))
      return resolveCompiled(error, () => nextResolve(specifier.replace(typescript, ".$1js"), context));
    if (specifier === "baton-dag") return { url: entry.href, format: formatOf(entry), shortCircuit: true };
    if (bundledZod !== undefined && zodNames.includes(specifier))
      return { url: bundledZod, format: "module", shortCircuit: true };
    if (specifier !== "zod" && !specifier.startsWith("zod/")) throw error;
    return nextResolve(specifier, { ...context, parentURL: import.meta.url });
  }
};

const typescript = /\.([cm]?)ts$/;

/** If there is no compiled module either, the error names the module that the code names. */
function resolveCompiled<Resolved>(error: unknown, resolve: () => Resolved): Resolved {
  try {
    return resolve();
  } catch {
    throw error;
  }
}

function formatOf(url: URL): string {
  return url.pathname.endsWith(".ts") ? "module-typescript" : "module";
}

/** The contents of one file: several workflows, one or none. */
export interface LoadedFile {
  readonly workflows: readonly BuiltWorkflow[];
  readonly problems: readonly WorkflowProblem[];
  /** Task types that it exports, or that its workflows use. */
  readonly taskTypes: readonly TaskType[];
  /** Workflows that its code created, exported or not. */
  readonly created: readonly UnfinishedWorkflow[];
}

/**
 * Loads a file that may hold workflows, with its imports. Another number of `reload` loads it again. Never rejects:
 * an error becomes a problem.
 */
export async function loadWorkflowFile(
  file: WorkflowFile,
  taskTypes: TaskTypes,
  reload = 0,
): Promise<LoadedFile> {
  try {
    return file.kind === "code"
      ? await loadCode(file.path, taskTypes, reload)
      : { ...(await loadData(file.path, taskTypes)), taskTypes: [], created: [] };
  } catch (error) {
    return { workflows: [], problems: [await problemOf(error, file.path)], taskTypes: [], created: [] };
  }
}

async function loadCode(path: string, taskTypes: TaskTypes, reload: number): Promise<LoadedFile> {
  providePackages();
  followImports();
  compileTypeScript();
  const { loaded: module, created } = await collectUnfinished<unknown>(() => import(moduleUrl(path, reload)));
  const exported = new Set(typeof module === "object" && module !== null ? Object.values(module) : []);
  const workflows = [...exported].filter(isWorkflow);
  // A workflow without tasks has no definition. Fail here rather than when a message needs it.
  const problems = workflows.flatMap((workflow) => [
    ...joinLimitProblems(workflow.definition, path),
    ...codeTemplateProblems(workflow, path, taskTypes),
  ]);
  for (const workflow of workflows) problems.push(...(await codeConditionProblems(workflow, path)));
  const exportedTypes = [...exported].flatMap((value) => exportedTaskType(value) ?? []);
  const usedTypes = workflows.flatMap((workflow) => [...(workflow.taskTypes?.values() ?? [])]);
  return { workflows, problems, taskTypes: [...new Set([...exportedTypes, ...usedTypes])], created };
}

/** Such a problem fails only its own task, when it runs. */
function codeTemplateProblems(
  workflow: BuiltWorkflow,
  path: string,
  taskTypes: TaskTypes,
): WorkflowProblem[] {
  const input = staticInput(workflow.inputSchema, workflow.triggers);
  const types = new Map([...taskTypes, ...(workflow.taskTypes ?? [])]);
  return workflow.definition.tasks.flatMap((task) =>
    templateProblems(task, types, input).map(({ code, message, path: place }) => ({
      code,
      message,
      where: `${path}, workflow "${workflow.id}", task "${task.id}", ${place.join(".")}`,
    })),
  );
}

async function codeConditionProblems(workflow: BuiltWorkflow, path: string): Promise<WorkflowProblem[]> {
  const { definition, id, inputSchema, triggers } = workflow;
  const found = await conditionProblems(definition.tasks, staticInput(inputSchema, triggers));
  return found.map(({ taskId, code, message }) => ({
    code,
    message,
    where: `${path}, workflow "${id}", task "${taskId}", when`,
  }));
}

/** Workflows that files create but none exports. Nothing can start them, and no other check would report it. */
export function unexportedProblems(
  created: readonly UnfinishedWorkflow[],
  exported: ReadonlySet<string>,
  paths: readonly string[],
): (WorkflowProblem & { readonly file: string })[] {
  return created
    .filter(({ id }) => !exported.has(id))
    .flatMap(({ id, place }) => {
      const file = paths.find((path) => placeIn(path, place) !== path);
      const message = `Workflow "${id}" is created here but not exported, so it can't be started`;
      return file === undefined
        ? []
        : [{ file, code: "WORKFLOW_NOT_EXPORTED" as const, message, where: placeIn(file, place) }];
    });
}

/** Such a workflow can't be started. It stays listed, so that a start reports the reason. */
function joinLimitProblems(definition: Definition, path: string): WorkflowProblem[] {
  return tasksOverJoinLimit(definition).map(({ taskId, message }) => ({
    code: "WORKFLOW_INVALID",
    message,
    where: `${path}, workflow "${definition.workflowId}", task "${taskId}"`,
  }));
}

async function loadData(
  path: string,
  taskTypes: TaskTypes,
): Promise<Pick<LoadedFile, "workflows" | "problems">> {
  // Most folders have no such file, so the YAML parser is loaded only when it is needed.
  const { isDataWorkflow, readDataSource } = await import("./data-workflow.ts");
  const { parseYaml } = await import("./yaml-source.ts");
  const source = parseYaml(await readFile(path, "utf8"), path);
  if (source.problems.length === 0 && !isDataWorkflow(source.value)) return { workflows: [], problems: [] };
  const result = await readDataSource(source, taskTypes);
  return result.ok
    ? { workflows: [result.workflow], problems: result.problems }
    : { workflows: [], problems: result.problems };
}

async function problemOf(error: unknown, path: string): Promise<WorkflowProblem> {
  const code = error instanceof BatonError ? error.code : "WORKFLOW_FILE_FAILED";
  return { code, message: errorMessage(error), where: await placeOfLoadError(path, error) };
}

/**
 * The file, with line and column if the stack names a place in it. The URL of a reloaded module has a parameter.
 * Users see nothing else of the stack.
 */
function placeIn(path: string, { stack = "" }: Error): string {
  for (const name of [path, pathToFileURL(path).href]) {
    const [, ...rest] = stack.split(name);
    const found = rest.map((text) => /^(?:\?[^:\s)]*)?:(\d+(?::\d+)?)/.exec(text)?.[1]);
    const place = found.find((where) => where !== undefined);
    if (place !== undefined) return `${path}:${place}`;
  }
  return path;
}
