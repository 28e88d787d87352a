import picomatch from "picomatch";
import * as z from "zod";
import { type Schedule, ScheduleSchema } from "../schedule/schedule.ts";
import type { Definition, TaskDefinition } from "./definition.ts";

const unfinished = [".tmp", ".part", ".partial", ".crdownload"];

/** Whether a file or folder of that name is hidden, a backup, or still being sent. */
export function isIgnoredName(name: string): boolean {
  const lower = name.toLowerCase();
  return (
    name.startsWith(".") ||
    name.startsWith("~") ||
    name.endsWith("~") ||
    unfinished.some((ending) => lower.endsWith(ending))
  );
}

/**
 * Why an object that was written is not a file that was dropped, the same on both engines; undefined when it is one.
 * Consoles and connectors of Cloud Storage make "folders" as empty objects named `sales/` or `sales_$folder$`.
 */
export function nonDropReason(object: string): "folder" | "unfinished" | undefined {
  if (object.endsWith("/") || object.endsWith("_$folder$")) return "folder";
  return object.split("/").some(isIgnoredName) ? "unfinished" : undefined;
}

/** A pattern in all its readings, compiled. */
interface Compiled {
  readonly matches: (object: string) => boolean;
  readonly matchesInOtherCase: (object: string) => boolean;
}

/** Patterns come from workflows, of which there are few; those of workflows that were replaced need not stay. */
const mostCompiled = 10_000;
const compiled = new Map<string, Compiled>();

/**
 * Whether the pattern of a file trigger takes an object of this name. `*` and `?` stay within a folder, `**` crosses
 * folders, and a name that begins with a dot is matched only by a pattern that writes the dot. Parentheses, brackets,
 * braces and `|` mean alternatives and sets, **and** themselves: `Reports (final)/*.csv` takes the files of the folder
 * of that name. `!` means itself, except in `!(…)`. A backslash makes any character mean only itself.
 */
export function matchesPattern(pattern: string, object: string): boolean {
  return compile(pattern).matches(object);
}

/** Whether the object would match if upper and lower case were the same. */
function matchesInOtherCase(pattern: string, object: string): boolean {
  return compile(pattern).matchesInOtherCase(object);
}

/** Why no object can ever match; undefined when one can. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === "") return "a pattern has at least one character";
  if (pattern.startsWith("/")) return 'names of objects do not begin with "/": leave it away';
  if (/^[a-z]+:\/\//i.test(pattern))
    return "a pattern matches the name of the object: write sales/*.csv, and the bucket in `bucket`";
  if (pattern.endsWith("/"))
    return 'a name that ends in "/" is a folder: write *, or ** for any depth, behind it';
  if (pattern.split("/").some((part) => part === "." || part === ".."))
    return 'names of objects have no "." and ".." in their path';
  if (nonDropReason(pattern) === "unfinished")
    return "hidden and unfinished files (.x, ~x, x~, .tmp, .part, .partial, .crdownload) start nothing";
  return undefined;
}

/**
 * The folder, with a `/` at its end, that holds everything that the pattern can match; empty for the whole bucket. And
 * whether what matches may lie deeper than in that folder itself.
 */
function patternRoot(pattern: string): { readonly folder: string; readonly isDeep: boolean } {
  const special = pattern.search(/[*?()[\]{}|!+@\\]/);
  const plain = special === -1 ? pattern : pattern.slice(0, special);
  const folder = plain.slice(0, plain.lastIndexOf("/") + 1);
  const rest = pattern.slice(folder.length);
  return { folder, isDeep: rest.includes("/") || rest.includes("**") };
}

function compile(pattern: string): Compiled {
  const known = compiled.get(pattern);
  if (known) return known;
  const readings = [pattern, escapeSpecials(pattern)];
  const fresh = {
    matches: picomatch(readings, { nonegate: true }),
    matchesInOtherCase: picomatch(readings, { nonegate: true, nocase: true }),
  };
  if (compiled.size >= mostCompiled) compiled.clear();
  compiled.set(pattern, fresh);
  return fresh;
}

/** The pattern with all but its wildcards meaning themselves. What follows a backslash is left alone. */
function escapeSpecials(pattern: string): string {
  return pattern.replace(/\\.|[()[\]{}|+@!^$]/gs, (found) => (found.startsWith("\\") ? found : `\\${found}`));
}

export const DropPatternSchema = z.string().superRefine((pattern, context) => {
  const problem = patternProblem(pattern);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const FileDropSchema = z.strictObject({
  type: z.literal("fileDrop"),
  /** Glob over object names: `sales/*.csv`, `**` for any depth. */
  pattern: DropPatternSchema,
  /** Only this bucket; any when absent. */
  bucket: z.string().min(1).optional(),
});

/** What starts a TaskBatch by itself. */
export const TriggerSchema = z.discriminatedUnion("type", [FileDropSchema, ScheduleSchema]);
export type Trigger = z.infer<typeof TriggerSchema>;

/** A file that matches the glob has been dropped. */
export function fileDrop(pattern: string, options: { readonly bucket?: string } = {}): Trigger {
  return { type: "fileDrop", pattern, ...options };
}

export interface ScheduleOptions {
  /** IANA name of the time zone the pattern is read in. Default `"UTC"`. */
  readonly timeZone?: string;
  /**
   * What becomes of times that passed while nothing ran: `"skip"` (default) leaves them out, `"catch_up"` starts a
   * batch for each, oldest first.
   */
  readonly missed?: Schedule["missed"];
}

/** The time of a cron pattern has come: minute, hour, day of month, month, day of week. */
export function schedule(cron: string, options: ScheduleOptions = {}): Trigger {
  return { type: "schedule", cron, timeZone: options.timeZone ?? "UTC", missed: options.missed ?? "skip" };
}

export function isTriggeredBy(
  trigger: Trigger,
  dropped: { readonly bucket: string; readonly object: string },
): boolean {
  if (trigger.type !== "fileDrop" || nonDropReason(dropped.object) !== undefined) return false;
  if (trigger.bucket !== undefined && trigger.bucket !== dropped.bucket) return false;
  return matchesPattern(trigger.pattern, dropped.object);
}

/** Type of the built-in task that moves a file into another folder of its bucket. */
export const ARCHIVE_FILE_TASK_TYPE = "archiveFile";

/**
 * The folders, with a `/` at their end, that the tasks of a workflow move files into, as far as the definition tells.
 */
function archiveFolders({ tasks }: Definition): string[] {
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
export function archivesDrop({ type, with: parameters }: TaskDefinition): boolean {
  if (type !== ARCHIVE_FILE_TASK_TYPE) return false;
  const { file } = parameters;
  return file === undefined || (typeof file === "string" && /^\s*\{\{\s*input\s*\}\}\s*$/.test(file));
}

interface DeployedTriggers {
  readonly definition: Definition;
  readonly triggers: readonly Trigger[];
}

interface FileTrigger {
  readonly workflowId: string;
  readonly trigger: Extract<Trigger, { readonly type: "fileDrop" }>;
}

/** What the deployed workflows make of the files of one bucket. */
export class DropMatcher {
  /** Equal for the same patterns and archives. */
  readonly key: string;
  readonly #bucket: string;
  readonly #interested: readonly FileTrigger[];
  readonly #archives: readonly string[];

  constructor(bucket: string, workflows: readonly DeployedTriggers[]) {
    this.#bucket = bucket;
    this.#interested = workflows.flatMap(({ definition: { workflowId }, triggers }) =>
      triggers.flatMap((trigger) =>
        trigger.type === "fileDrop" && (trigger.bucket ?? bucket) === bucket ? [{ workflowId, trigger }] : [],
      ),
    );
    this.#archives = [...new Set(workflows.flatMap(({ definition }) => archiveFolders(definition)))];
    this.key = JSON.stringify([this.#interested.map(({ trigger }) => trigger.pattern), this.#archives]);
  }

  /** Whether a file of this name starts a batch. */
  matches(object: string): boolean {
    return this.#interested.some(({ trigger }) => isTriggeredBy(trigger, { bucket: this.#bucket, object }));
  }

  /**
   * Whether the folder, with a `/` at its end, is of an archive that no pattern reaches into, so it can be left out.
   */
  isSkippedFolder(folder: string): boolean {
    return (
      this.#isArchive(folder) && !this.#interested.some(({ trigger }) => mayHold(folder, trigger.pattern))
    );
  }

  /** Why no workflow takes a file of this name, for people; undefined when one does, or the file was archived. */
  explainMismatch(object: string): string | undefined {
    if (this.matches(object) || this.#isArchive(object)) return undefined;
    const noDrop = nonDropReason(object);
    if (noDrop !== undefined)
      return noDrop === "folder" ? "it is a folder" : "its name says that it is unfinished";
    const inOtherCase = this.#interested.find(({ trigger }) => matchesInOtherCase(trigger.pattern, object));
    if (inOtherCase)
      return (
        `"${inOtherCase.trigger.pattern}" of workflow ${inOtherCase.workflowId} takes it only in another case: ` +
        "patterns are case-sensitive"
      );
    if (this.#interested.length === 0) return "no workflow has a file trigger";
    return "no pattern matches it";
  }

  #isArchive(name: string): boolean {
    return this.#archives.some((archive) => name.startsWith(archive));
  }
}

/** Whether something that the pattern matches can lie in the folder, or below it. */
function mayHold(folder: string, pattern: string): boolean {
  const root = patternRoot(pattern);
  return root.folder.startsWith(folder) || (root.isDeep && folder.startsWith(root.folder));
}
