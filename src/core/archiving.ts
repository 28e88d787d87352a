import type { Definition, TaskDefinition } from "./definition.ts";

/** Type of the built-in task that moves a file into another folder of its bucket. */
export const ARCHIVE_FILE_TASK_TYPE = "archiveFile";

/**
 * The folders, with a `/` at their end, that the tasks of a workflow move files into, as far as the definition tells.
 */
export function archiveFoldersOf({ tasks }: Definition): string[] {
  return tasks.flatMap((task) => {
    const to = task.type === ARCHIVE_FILE_TASK_TYPE ? task.with.to : undefined;
    if (typeof to !== "string") return [];
    // A placeholder is known when the task runs. What stands before it is enough, if it names a folder.
    const isWhole = !to.includes("{{");
    const known = isWhole ? `${to.replace(/\/+$/, "")}/` : to.slice(0, to.indexOf("{{"));
    const folder = known.slice(0, known.lastIndexOf("/") + 1);
    return folder === "" ? [] : [folder];
  });
}

/** Whether the task moves the very file whose drop started the workflow. */
export function archivesTheDrop({ type, with: parameters }: TaskDefinition): boolean {
  if (type !== ARCHIVE_FILE_TASK_TYPE) return false;
  const { file } = parameters;
  return file === undefined || (typeof file === "string" && /^\s*\{\{\s*input\s*\}\}\s*$/.test(file));
}
