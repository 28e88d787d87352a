import type { AppliedWorkflow } from "../core/records.ts";
import type { DeployedWorkflow, WorkflowCatalog } from "../ports/catalog.ts";
import type { MaybePromise } from "../ports/store.ts";
import type { TaskCode } from "../runtime/task-code.ts";
import type { AnyTaskFunction, ConditionFunction, KeyFunction, TaskType } from "../runtime/task-type.ts";
import type { DataWorkflowResult, TaskTypes } from "./data-workflow.ts";
import type { BuiltWorkflow } from "./workflow.ts";
import {
  addOnce,
  type CatalogProblem,
  type FolderLook,
  type LoadedFolder,
  type Source,
  WorkflowFolder,
} from "./workflow-folder.ts";

/** Workflows together with the code of their tasks. */
export interface CodeCatalog extends WorkflowCatalog {
  taskCode(workflowId: string, taskId: string): MaybePromise<AnyTaskFunction | undefined>;
  keyFunction(workflowId: string, taskId: string): Promise<KeyFunction | undefined>;
  condition(workflowId: string, taskId: string): Promise<ConditionFunction | undefined>;
  /** A task type of the project. */
  taskType(workflowId: string, type: string): MaybePromise<TaskType | undefined>;
}

/** How the task runner finds the code of these workflows and of the built-in task types. */
export function codeOf(catalog: CodeCatalog, builtIns: TaskTypes): TaskCode {
  return {
    findType: (workflowId, type) => builtIns.get(type) ?? catalog.taskType(workflowId, type),
    findFunction: (workflowId, taskId) => catalog.taskCode(workflowId, taskId),
    findKeyFunction: (workflowId, taskId) => catalog.keyFunction(workflowId, taskId),
    findCondition: (workflowId, taskId) => catalog.condition(workflowId, taskId),
  };
}

/** Workflows that are already in memory. */
export class FixedCatalog implements CodeCatalog {
  readonly #workflows: ReadonlyMap<string, BuiltWorkflow>;

  constructor(workflows: readonly BuiltWorkflow[]) {
    this.#workflows = new Map(workflows.map((workflow) => [workflow.id, workflow]));
  }

  async find(workflowId: string): Promise<BuiltWorkflow | undefined> {
    return this.#workflows.get(workflowId);
  }

  async all(): Promise<readonly BuiltWorkflow[]> {
    return [...this.#workflows.values()];
  }

  taskCode(workflowId: string, taskId: string): AnyTaskFunction | undefined {
    return this.#workflows.get(workflowId)?.code.get(taskId);
  }

  async keyFunction(workflowId: string, taskId: string): Promise<KeyFunction | undefined> {
    return this.#workflows.get(workflowId)?.keyFunctions.get(taskId);
  }

  async condition(workflowId: string, taskId: string): Promise<ConditionFunction | undefined> {
    return this.#workflows.get(workflowId)?.conditions?.get(taskId);
  }

  taskType(workflowId: string, type: string): TaskType | undefined {
    return this.#workflows.get(workflowId)?.taskTypes?.get(type);
  }
}

/** A workflow that `baton apply` has stored: text in YAML or JSON. */
type Applied = Pick<AppliedWorkflow, "workflowId" | "source">;

interface ReadApplied {
  readonly source: string;
  readonly taskTypes: TaskTypes;
  readonly result: DataWorkflowResult;
}

export interface FolderCatalogOptions {
  readonly folder: string;
  /** The built-in task types. */
  readonly taskTypes: TaskTypes;
  /** Workflows applied to the document store, read again whenever one is needed. */
  readonly applied?: () => Promise<readonly Applied[]>;
}

/**
 * The workflows of a folder, and the applied ones. The folder is loaded at its first use, and again when its files
 * change, if `follow` was called. A file wins over an applied workflow of the same id. A problem in one file does not
 * affect the others. Every method throws `WORKFLOW_FOLDER_MISSING` if there is no folder.
 */
export class FolderCatalog implements CodeCatalog {
  readonly #options: FolderCatalogOptions;
  /** Applied workflows as last read, with the text they were read from. */
  readonly #read = new Map<string, ReadApplied>();
  readonly #folder: WorkflowFolder;
  #isFollowing = false;

  constructor(options: FolderCatalogOptions) {
    this.#options = options;
    this.#folder = new WorkflowFolder(options);
  }

  /** From now on changed files are loaded again: when `look` finds them, or when a requested workflow is missing. */
  follow(): void {
    this.#isFollowing = true;
  }

  /** Loads changed files again, once they have settled. Throws `WORKFLOW_FOLDER_MISSING`. */
  look(): Promise<FolderLook> {
    return this.#folder.reloadIfChanged({ isSettled: true });
  }

  async find(workflowId: string): Promise<DeployedWorkflow | undefined> {
    return this.#newest(async () => {
      const { workflows } = await this.#folder.load();
      const inFolder = workflows.get(workflowId);
      if (inFolder) return inFolder.workflow;
      return (await this.#everything()).workflows.get(workflowId)?.workflow;
    });
  }

  async all(): Promise<readonly DeployedWorkflow[]> {
    const { workflows } = await this.#everything();
    return [...workflows.values()].map((source) => source.workflow);
  }

  /** Whether a file of the folder holds the workflow. */
  async isInFolder(workflowId: string): Promise<boolean> {
    return (await this.#folder.load()).workflows.has(workflowId);
  }

  /** All workflows, with the files that they are from. */
  async sources(): Promise<readonly Source[]> {
    return [...(await this.#everything()).workflows.values()];
  }

  /** Everything wrong with the files of the folder and the applied workflows. */
  async problems(): Promise<readonly CatalogProblem[]> {
    return (await this.#everything()).problems;
  }

  /** The code of a task that is a function. Workflows written as data have none. */
  taskCode(workflowId: string, taskId: string): MaybePromise<AnyTaskFunction | undefined> {
    const codeIn = ({ workflows }: LoadedFolder) => workflows.get(workflowId)?.workflow.code.get(taskId);
    const folder = this.#folder.load();
    const code = folder instanceof Promise ? undefined : codeIn(folder);
    return code ?? this.#newest(async () => codeIn(await this.#folder.load()));
  }

  /** The function that makes the idempotency key of a task, if it has one. */
  async keyFunction(workflowId: string, taskId: string): Promise<KeyFunction | undefined> {
    return this.#newest(async () => {
      const { workflows } = await this.#folder.load();
      return workflows.get(workflowId)?.workflow.keyFunctions.get(taskId);
    });
  }

  /** A task type that a file of the folder exports, or that a workflow uses. */
  taskType(_workflowId: string, name: string): MaybePromise<TaskType | undefined> {
    const folder = this.#folder.load();
    const type = folder instanceof Promise ? undefined : folder.taskTypes.get(name);
    return type ?? this.#newest(async () => (await this.#folder.load()).taskTypes.get(name));
  }

  /** The built-in task types and those of the folder. */
  async taskTypes(): Promise<TaskTypes> {
    return (await this.#folder.load()).taskTypes;
  }

  /** The function that decides whether a task runs, if it has one. */
  async condition(workflowId: string, taskId: string): Promise<ConditionFunction | undefined> {
    return this.#newest(async () => {
      const { workflows } = await this.#folder.load();
      return workflows.get(workflowId)?.workflow.conditions?.get(taskId);
    });
  }

  /** Loads the folder ahead of its first use. */
  async load(): Promise<void> {
    await this.#folder.load();
  }

  /** A missing workflow may be in a file that was just written. */
  async #newest<Found>(find: () => Promise<Found | undefined>): Promise<Found | undefined> {
    const found = await find();
    if (found !== undefined || !this.#isFollowing) return found;
    const { before, loaded } = await this.#folder.reloadIfChanged({ isSettled: false });
    return loaded === before ? found : find();
  }

  async #everything(): Promise<Pick<LoadedFolder, "workflows" | "problems">> {
    const folder = await this.#folder.load();
    const collected = { workflows: new Map(folder.workflows), problems: [...folder.problems] };
    for (const applied of (await this.#options.applied?.()) ?? []) await this.#addApplied(applied, collected);
    return collected;
  }

  async #addApplied(
    applied: Applied,
    collected: { readonly workflows: Map<string, Source>; readonly problems: CatalogProblem[] },
  ): Promise<void> {
    const file = `applied workflow "${applied.workflowId}"`;
    const result = await this.#readApplied(applied, file);
    collected.problems.push(...result.problems.map((problem) => ({ file, ...problem })));
    if (result.ok) addOnce({ file, workflow: result.workflow }, collected);
  }

  async #readApplied({ workflowId, source }: Applied, file: string): Promise<DataWorkflowResult> {
    const before = this.#read.get(workflowId);
    const taskTypes = await this.taskTypes();
    if (before?.source === source && before.taskTypes === taskTypes) return before.result;
    const { readDataWorkflow } = await import("./data-workflow.ts");
    const result = await readDataWorkflow(source, file, taskTypes);
    this.#read.set(workflowId, { source, taskTypes, result });
    return result;
  }
}
