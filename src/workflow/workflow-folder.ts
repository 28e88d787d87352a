import type { TaskTypes } from "./data-workflow.ts";
import {
  forgetRequired,
  importedFiles,
  listWorkflowFiles,
  stateOf,
  type WorkflowFile,
} from "./folder-files.ts";
import { type LoadedFile, loadWorkflowFile, unexportedProblems } from "./load-file.ts";
import type { WorkflowProblem } from "./problems.ts";
import type { BuiltWorkflow } from "./workflow.ts";

/** Something wrong with a file of the folder, or with an applied workflow. */
export interface CatalogProblem extends WorkflowProblem {
  readonly file: string;
}

export interface Source {
  readonly file: string;
  readonly workflow: BuiltWorkflow;
}

export interface LoadedFolder {
  /** What each file holds, by its path. */
  readonly files: ReadonlyMap<string, LoadedFile>;
  readonly workflows: ReadonlyMap<string, Source>;
  readonly problems: readonly CatalogProblem[];
}

interface Options {
  readonly folder: string;
  readonly taskTypes: TaskTypes;
}

type States = ReadonlyMap<string, string>;

/** The files of a folder of workflows: loaded once, when they are first asked for, and again once they have changed. */
export class WorkflowFolder {
  readonly #options: Options;
  /** Receives what was loaded again. */
  onReload: (loaded: LoadedFolder) => void = () => {};
  #loaded: Promise<LoadedFolder> | undefined;
  /** The last look that was asked for: one follows the other. */
  #last: Promise<boolean> = Promise.resolve(false);
  /** A look that has not begun, and does not wait until files have settled. */
  #next: Promise<boolean> | undefined;
  #reloads = 0;
  /** The files as they were when they were loaded, and when they were last looked at. */
  #states: States = new Map();
  #seen: States = new Map();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Throws `WORKFLOW_FOLDER_MISSING`. */
  load(): Promise<LoadedFolder> {
    this.#loaded ??= this.#loadFirst().catch((error: unknown) => {
      // The folder may be made later.
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  /**
   * Loads all files again if one has changed, one is new or gone, or a module that they import has changed.
   * `isSettled`: only if nothing has changed since the last look, so that what is being written is not read half. A
   * file that can't be loaded any more keeps the workflows it held. Gives whether anything was loaded. Throws
   * `WORKFLOW_FOLDER_MISSING`.
   */
  reloadIfChanged({ isSettled }: { readonly isSettled: boolean }): Promise<boolean> {
    if (!isSettled && this.#next) return this.#next;
    const look = this.#last.then(() => {
      if (this.#next === look) this.#next = undefined;
      return this.#look(isSettled);
    });
    if (!isSettled) this.#next = look;
    this.#last = look.catch(() => false);
    return look;
  }

  async #loadFirst(): Promise<LoadedFolder> {
    const files = await listWorkflowFiles(this.#options.folder);
    this.#states = statesOf(files.map(({ path }) => path));
    return this.#loadFiles(files);
  }

  async #look(isSettled: boolean): Promise<boolean> {
    const before = await this.load();
    const files = await listWorkflowFiles(this.#options.folder);
    const listed = files.map(({ path }) => path);
    const states = statesOf([...listed, ...this.#states.keys(), ...importedFiles().keys()]);
    const isStill = areEqual(states, this.#seen);
    this.#seen = states;
    if (!this.#hasChanged(states) || (isSettled && !isStill)) return false;
    this.#reloads += 1;
    forgetRequired();
    const loaded = await this.#loadFiles(files, before);
    // Those that are imported, as they were before they were read: later changes are seen with the next look.
    this.#states = new Map([...states, ...importedFiles()]);
    this.#loaded = Promise.resolve(loaded);
    this.onReload(loaded);
    return true;
  }

  #hasChanged(states: States): boolean {
    const imported = importedFiles();
    for (const [path, state] of states)
      if (state !== (this.#states.get(path) ?? imported.get(path) ?? missing)) return true;
    return false;
  }

  async #loadFiles(files: readonly WorkflowFile[], before?: LoadedFolder): Promise<LoadedFolder> {
    const loaded = new Map<string, LoadedFile>();
    // One after the other: modules that import each other load in a definite order.
    for (const file of files) {
      const found = await loadWorkflowFile(file, this.#options.taskTypes, this.#reloads);
      const isBroken = found.workflows.length === 0 && found.problems.length > 0;
      const { workflows } = (isBroken && before?.files.get(file.path)) || found;
      loaded.set(file.path, { ...found, workflows });
    }
    return collected(loaded);
  }
}

const missing = "missing";

function statesOf(paths: readonly string[]): States {
  return new Map(paths.map((path) => [path, stateOf(path)]));
}

function areEqual(one: States, other: States): boolean {
  return one.size === other.size && [...one].every(([path, state]) => other.get(path) === state);
}

function collected(files: ReadonlyMap<string, LoadedFile>): LoadedFolder {
  const workflows = new Map<string, Source>();
  const problems: CatalogProblem[] = [];
  for (const [path, found] of files) {
    problems.push(...found.problems.map((problem) => ({ file: path, ...problem })));
    for (const workflow of found.workflows) addOnce({ file: path, workflow }, { workflows, problems });
  }
  const begun = [...files.values()].flatMap((found) => found.begun);
  problems.push(...unexportedProblems(begun, new Set(workflows.keys()), [...files.keys()]));
  return { files, workflows, problems };
}

/** The first of an id is kept. The same workflow exported by two files is one workflow. */
export function addOnce(
  source: Source,
  { workflows, problems }: { readonly workflows: Map<string, Source>; readonly problems: CatalogProblem[] },
): void {
  const first = workflows.get(source.workflow.id);
  if (!first) workflows.set(source.workflow.id, source);
  else if (first.workflow !== source.workflow)
    problems.push({
      file: source.file,
      code: "WORKFLOW_DUPLICATE",
      message: `Workflow "${source.workflow.id}" is already in ${first.file}, which is used`,
      where: source.file,
    });
}
