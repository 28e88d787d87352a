import type { MaybePromise } from "../ports/store.ts";
import type { TaskType } from "../runtime/task-type.ts";
import type { TaskTypes } from "./data-workflow.ts";
import {
  forgetRequired,
  importedFiles,
  listWorkflowFiles,
  namedSqlFiles,
  stateOf,
  type WorkflowFile,
} from "./files/folder-files.ts";
import type { WorkflowProblem } from "./problems/problems.ts";
import type { BuiltWorkflow } from "./workflow.ts";
import { type LoadedFile, loadWorkflowFile, unexportedProblems } from "./workflow-file.ts";

/** Something wrong with a file of the folder, or with an applied workflow. */
export interface CatalogProblem extends WorkflowProblem {
  readonly file: string;
}

export interface Source {
  readonly file: string;
  readonly workflow: BuiltWorkflow;
}

export interface LoadedFolder {
  /** The contents of each file, by its path. */
  readonly files: ReadonlyMap<string, LoadedFile>;
  readonly workflows: ReadonlyMap<string, Source>;
  /** The built-in task types, and those that files export or workflows use. */
  readonly taskTypes: TaskTypes;
  readonly problems: readonly CatalogProblem[];
  /** The states of these files, of modules that they import and of SQL files that these name, before they were read. */
  readonly states: FileStates;
}

type FileStates = ReadonlyMap<string, string>;

/** What a look at the files has found. */
export interface FolderLook {
  readonly before: LoadedFolder;
  /** The same as `before`, unless this look has loaded the files. */
  readonly loaded: LoadedFolder;
  /** No file has changed since the look before. */
  readonly isStill: boolean;
}

interface Options {
  readonly folder: string;
  readonly taskTypes: TaskTypes;
}

/** The files of a workflow folder: loaded at their first use, and again after a change. */
export class WorkflowFolder {
  readonly #options: Options;
  #loaded: MaybePromise<LoadedFolder> | undefined;
  /** The last requested look. Looks run one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** A look that has not started, and does not wait until files have settled. */
  #next: Promise<FolderLook> | undefined;
  #reloads = 0;
  /** The state of each file at the last look. */
  #seen: FileStates = new Map();
  #isLooking = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Throws `WORKFLOW_FOLDER_MISSING`. */
  load(): MaybePromise<LoadedFolder> {
    this.#loaded ??= this.#loadFirst().then(
      (loaded) => {
        this.#loaded = loaded;
        return loaded;
      },
      (error: unknown) => {
        // The folder may be created later.
        this.#loaded = undefined;
        throw error;
      },
    );
    return this.#loaded;
  }

  /**
   * Loads all files again if one was added, changed or removed, or if a module that they import has changed.
   * `isSettled`: only if nothing has changed since the last look, so that no half-written file is read. A file that
   * can't be loaded any more keeps its former workflows. Throws `WORKFLOW_FOLDER_MISSING`.
   */
  reloadIfChanged({ isSettled }: { readonly isSettled: boolean }): Promise<FolderLook> {
    if (!isSettled && this.#next) return this.#next;
    const look = this.#last.then(() => {
      if (this.#next === look) this.#next = undefined;
      return this.#look(isSettled);
    });
    if (!isSettled) this.#next = look;
    this.#last = look.catch(() => {});
    return look;
  }

  async #loadFirst(): Promise<LoadedFolder> {
    const files = await listWorkflowFiles(this.#options.folder);
    return this.#loadFiles(files, statesOf(files.map(({ path }) => path)));
  }

  async #look(isSettled: boolean): Promise<FolderLook> {
    if (!this.#isLooking) await this.#addSqlFiles(await this.load());
    this.#isLooking = true;
    const before = await this.load();
    const files = await listWorkflowFiles(this.#options.folder);
    const listed = files.map(({ path }) => path);
    const states = statesOf([...listed, ...before.states.keys(), ...importedFiles().keys()]);
    const isStill = areEqual(states, this.#seen);
    this.#seen = states;
    if (!this.#hasChanged(states, before.states) || (isSettled && !isStill))
      return { before, loaded: before, isStill };
    this.#reloads += 1;
    forgetRequired();
    const loaded = await this.#addSqlFiles(await this.#loadFiles(files, states, before));
    return { before, loaded, isStill };
  }

  /** Also watches the SQL files that the modules name. Those that were known have the state before they were read. */
  async #addSqlFiles(loaded: LoadedFolder): Promise<LoadedFolder> {
    const named = await namedSqlFiles([...loaded.files.keys(), ...importedFiles().keys()]);
    this.#loaded = { ...loaded, states: new Map([...statesOf(named), ...loaded.states]) };
    return this.#loaded;
  }

  #hasChanged(states: FileStates, loaded: FileStates): boolean {
    const imported = importedFiles();
    for (const [path, state] of states)
      if (state !== (loaded.get(path) ?? imported.get(path) ?? missing)) return true;
    return false;
  }

  async #loadFiles(
    files: readonly WorkflowFile[],
    states: FileStates,
    before?: LoadedFolder,
  ): Promise<LoadedFolder> {
    const loaded = new Map<string, LoadedFile>();
    const { taskTypes: builtIns } = this.#options;
    const types: TypesByName = { taskTypes: new Map(builtIns), files: new Map(), problems: [] };
    // Code first, because data may name the task types that it exports. One file after the other, so that modules that
    // import each other load in a fixed order.
    for (const file of [...files].sort(byKind)) {
      const found = await loadWorkflowFile(file, types.taskTypes, this.#reloads);
      const isBroken = found.workflows.length === 0 && found.problems.length > 0;
      const { workflows, taskTypes } = (isBroken && before?.files.get(file.path)) || found;
      loaded.set(file.path, { ...found, workflows, taskTypes });
      addTypes(file.path, taskTypes, types);
    }
    const sorted = new Map([...loaded].sort(([one], [other]) => (one < other ? -1 : 1)));
    // The states of imported files from before they were read: the next look sees later changes.
    return { ...collectFolder(sorted, types), states: new Map([...states, ...importedFiles()]) };
  }
}

const missing = "missing";

function statesOf(paths: readonly string[]): FileStates {
  return new Map(paths.map((path) => [path, stateOf(path)]));
}

function areEqual(one: FileStates, other: FileStates): boolean {
  return one.size === other.size && [...one].every(([path, state]) => other.get(path) === state);
}

/** The task types of a folder so far, and the files that they are from. */
interface TypesByName {
  readonly taskTypes: Map<string, TaskType>;
  readonly files: Map<string, string>;
  readonly problems: CatalogProblem[];
}

function byKind({ kind: one }: WorkflowFile, { kind: other }: WorkflowFile): number {
  return one < other ? -1 : Number(one > other);
}

function addTypes(file: string, found: readonly TaskType[], types: TypesByName): void {
  for (const type of found) {
    const first = types.taskTypes.get(type.type);
    if (first === type) continue;
    if (!first) {
      types.taskTypes.set(type.type, type);
      types.files.set(type.type, file);
    } else
      types.problems.push({
        file,
        code: "TASK_TYPE_DUPLICATE",
        message: `Task type "${type.type}" is already in ${types.files.get(type.type) ?? "Baton"}`,
        where: file,
      });
  }
}

function collectFolder(
  files: ReadonlyMap<string, LoadedFile>,
  types: TypesByName,
): Omit<LoadedFolder, "states"> {
  const workflows = new Map<string, Source>();
  const problems: CatalogProblem[] = [...types.problems];
  for (const [path, found] of files) {
    problems.push(...found.problems.map((problem) => ({ file: path, ...problem })));
    for (const workflow of found.workflows) addOnce({ file: path, workflow }, { workflows, problems });
  }
  const created = [...files.values()].flatMap((found) => found.created);
  problems.push(...unexportedProblems(created, new Set(workflows.keys()), [...files.keys()]));
  return { files, workflows, taskTypes: types.taskTypes, problems };
}

/** Keeps the first workflow of an id. The same workflow exported by two files is one workflow. */
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
      message: `Workflow "${source.workflow.id}" is already in ${first.file}, which is used: rename one of them`,
      where: source.file,
    });
}
