import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import type { ReloadReport } from "../../app/reload-workflows.ts";
import { errorCatalog } from "../../core/errors/error-catalog.ts";
import { type ComparedWorkflow, describeChanges } from "../../core/workflow/changes.ts";
import { dropFolder } from "../../core/workflow/trigger.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { CatalogProblem, LoadedFolder, Source } from "../../workflow/workflow-folder.ts";
import { oneLine } from "../output/text.ts";
import type { Session } from "../session.ts";

/** Shows changed workflow files on standard output, and their mistakes on standard error. */
export function reloadDisplay(session: Session, onReload: (loaded: LoadedFolder) => void): ReloadReport {
  return {
    reloaded: (before, after) => {
      for (const line of changeLines(before, after)) session.print(line);
      onReload(after);
    },
    problem: (problem) => {
      for (const line of problemLines(problem)) session.note(line);
    },
    solved: (file) => session.print(`${shortPath(file)} has no mistake any more`),
    unreadable: (message) =>
      session.note(`The workflow files can't be read; the loaded workflows stay in use: ${oneLine(message)}`),
  };
}

/** A mistake in a workflow file, with its place and its remedy. */
export function problemLines({ code, where, message }: CatalogProblem): string[] {
  return [
    `mistake in ${shortPath(where)}: ${oneLine(message)} (${code})`,
    `  what to do: ${errorCatalog[code].remedy}`,
    "  Until then the workflows that the file had before stay in use.",
  ];
}

/** What has changed: in workflows, and files whose change shows in none. */
function changeLines(before: LoadedFolder, after: LoadedFolder): string[] {
  const changes = describeChanges(compared(before.workflows), compared(after.workflows));
  const changed = new Set(changes.map(({ workflowId }) => workflowId));
  const isShown = (path: string) =>
    [before, after].some(({ files }) => files.get(path)?.workflows.some(({ id }) => changed.has(id)));
  const files = [...after.states].filter(([path, state]) => (before.states.get(path) ?? state) !== state);
  return [
    ...changes.map(({ text }) => oneLine(text)),
    ...files.filter(([path]) => !isShown(path)).map(([path]) => `${shortPath(path)} changed`),
  ];
}

function compared(workflows: ReadonlyMap<string, Source>): Map<string, ComparedWorkflow> {
  return new Map([...workflows].map(([id, { workflow }]) => [id, comparedOne(workflow)]));
}

function comparedOne({
  definition,
  triggers,
  code,
  keyFunctions,
  conditions,
}: Source["workflow"]): ComparedWorkflow {
  const texts = definition.tasks.map(({ id }) => {
    const functions = [code, keyFunctions, conditions].map((byTask) => byTask?.get(id) ?? "");
    return [id, functions.join(" ")] as const;
  });
  return { definition, triggers, code: new Map(texts) };
}

/** Relative to the current folder, if it is in it. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

/** Creates the folders of the inbox in which workflows wait for files. */
export function createDropFolders(inbox: string, workflows: readonly DeployedWorkflow[]): void {
  for (const trigger of workflows.flatMap(({ triggers }) => triggers))
    if (trigger.type === "fileDrop" && (trigger.bucket ?? "inbox") === "inbox")
      mkdirSync(`${inbox}/${dropFolder(trigger.pattern)}`, { recursive: true });
}
