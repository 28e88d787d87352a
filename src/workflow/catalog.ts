import type { AppliedWorkflow } from "../core/records.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { AnyTaskFunction, KeyFunction } from "../runtime/task-type.ts";
import type { DataWorkflowResult, TaskTypes } from "./data-workflow.ts";
import type { CodeCatalog } from "./fixed-catalog.ts";
import { listWorkflowFiles } from "./folder-files.ts";
import { loadWorkflowFile } from "./load-file.ts";
import type { WorkflowProblem } from "./problems.ts";
import type { BuiltWorkflow } from "./workflow.ts";

/** Something wrong with a file of the folder, or with an applied workflow. */
export interface CatalogProblem extends WorkflowProblem {
  readonly file: string;
}

/** A workflow as `baton apply` stores it: text in YAML or JSON. */
type Applied = Pick<AppliedWorkflow, "workflowId" | "source">;

export interface FolderCatalogOptions {
  readonly folder: string;
  readonly taskTypes: TaskTypes;
  /** Workflows applied to the document store, read anew whenever one is needed. */
  readonly applied?: () => Promise<readonly Applied[]>;
}

interface Collected {
  readonly workflows: ReadonlyMap<string, Source>;
  readonly problems: readonly CatalogProblem[];
}

interface Source {
  readonly file: string;
  readonly workflow: BuiltWorkflow;
}

/**
 * The workflows of a folder, and those that were applied. The folder is loaded once, when something is first asked
 * for; a file in it wins over an applied workflow of the same id. What is wrong with one file leaves the others alone.
 * Every method throws `WORKFLOW_FOLDER_MISSING` when there is no folder.
 */
export class FolderCatalog implements CodeCatalog {
  readonly #options: FolderCatalogOptions;
  /** Applied workflows as they were last read, by their text. */
  readonly #read = new Map<string, { readonly source: string; readonly result: DataWorkflowResult }>();
  #folder: Promise<Collected> | undefined;

  constructor(options: FolderCatalogOptions) {
    this.#options = options;
  }

  async find(workflowId: string): Promise<DeployedWorkflow | undefined> {
    const { workflows } = await this.#loadFolder();
    const inFolder = workflows.get(workflowId);
    if (inFolder) return inFolder.workflow;
    return (await this.#everything()).workflows.get(workflowId)?.workflow;
  }

  async all(): Promise<readonly DeployedWorkflow[]> {
    const { workflows } = await this.#everything();
    return [...workflows.values()].map((source) => source.workflow);
  }

  /** Whether a file of the folder holds the workflow. */
  async isInFolder(workflowId: string): Promise<boolean> {
    return (await this.#loadFolder()).workflows.has(workflowId);
  }

  /** Everything wrong with the files of the folder and the applied workflows. */
  async problems(): Promise<readonly CatalogProblem[]> {
    return (await this.#everything()).problems;
  }

  /** The code of a task that is a function. Workflows written as data have none. */
  async taskCode(workflowId: string, taskId: string): Promise<AnyTaskFunction | undefined> {
    const { workflows } = await this.#loadFolder();
    return workflows.get(workflowId)?.workflow.code.get(taskId);
  }

  /** The function that makes the idempotency key of a task, if it has one. */
  async keyFunction(workflowId: string, taskId: string): Promise<KeyFunction | undefined> {
    const { workflows } = await this.#loadFolder();
    return workflows.get(workflowId)?.workflow.keyFunctions.get(taskId);
  }

  /** Loads the folder ahead of its first use. */
  async load(): Promise<void> {
    await this.#loadFolder();
  }

  #loadFolder(): Promise<Collected> {
    this.#folder ??= loadFolder(this.#options).catch((error: unknown) => {
      // The folder may be made later.
      this.#folder = undefined;
      throw error;
    });
    return this.#folder;
  }

  async #everything(): Promise<Collected> {
    const folder = await this.#loadFolder();
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
    if (!result.ok) collected.problems.push(...result.problems.map((problem) => ({ file, ...problem })));
    else addOnce({ file, workflow: result.workflow }, collected);
  }

  async #readApplied({ workflowId, source }: Applied, file: string): Promise<DataWorkflowResult> {
    const before = this.#read.get(workflowId);
    if (before?.source === source) return before.result;
    const { readDataWorkflow } = await import("./data-workflow.ts");
    const result = readDataWorkflow(source, file, this.#options.taskTypes);
    this.#read.set(workflowId, { source, result });
    return result;
  }
}

async function loadFolder({ folder, taskTypes }: FolderCatalogOptions): Promise<Collected> {
  const workflows = new Map<string, Source>();
  const problems: CatalogProblem[] = [];
  // One after the other: modules that import each other load in a definite order.
  for (const file of await listWorkflowFiles(folder)) {
    const found = await loadWorkflowFile(file, taskTypes);
    problems.push(...found.problems.map((problem) => ({ file: file.path, ...problem })));
    for (const workflow of found.workflows) addOnce({ file: file.path, workflow }, { workflows, problems });
  }
  return { workflows, problems };
}

/** The first of an id is kept. The same workflow exported by two files is one workflow. */
function addOnce(
  source: Source,
  { workflows, problems }: { readonly workflows: Map<string, Source>; readonly problems: CatalogProblem[] },
): void {
  const first = workflows.get(source.workflow.id);
  if (!first) workflows.set(source.workflow.id, source);
  else if (first.workflow !== source.workflow)
    problems.push({
      file: source.file,
      code: "WORKFLOW_DUPLICATE",
      message: `Workflow "${source.workflow.id}" is in ${first.file} already, and that one is used`,
      where: source.file,
    });
}
