import picomatch from "picomatch";
import * as z from "zod";
import { type Schedule, ScheduleSchema } from "../schedule/schedule.ts";
import type { Definition, TaskDefinition } from "./definition.ts";

const unfinished = [".tmp", ".part", ".partial", ".crdownload"];

/** Whether a file or folder with this name is hidden, a backup or an unfinished upload. */
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
 * Why a new object is no dropped file, on Google Cloud as on a laptop. Undefined if it is one. Consoles and connectors
 * of Cloud Storage create "folders" as empty objects named `sales/` or `sales_$folder$`.
 */
export function nonDropReason(object: string): "folder" | "unfinished" | undefined {
  if (object.endsWith("/") || object.endsWith("_$folder$")) return "folder";
  return object.split("/").some(isIgnoredName) ? "unfinished" : undefined;
}

interface CompiledPattern {
  readonly matches: (object: string) => boolean;
  readonly matchesInOtherCase: (object: string) => boolean;
}

/** Bounds the cache, which also holds the patterns of replaced workflows. */
const maxCompiledPatterns = 10_000;
const compiledPatterns = new Map<string, CompiledPattern>();

/**
 * Whether the pattern of a file trigger matches an object's name. `*` and `?` stay within a folder, `**` crosses
 * folders, and only a pattern with a dot matches a name that begins with a dot. Parentheses, brackets, braces and `|`
 * mean alternatives and sets, and also themselves: `Reports (final)/*.csv` matches the files of a folder with that
 * name. `!` means itself, except in `!(…)`. A backslash makes any character mean only itself.
 */
export function matchesPattern(pattern: string, object: string): boolean {
  return compile(pattern).matches(object);
}

/** Whether the object would match if upper and lower case were the same. */
function matchesInOtherCase(pattern: string, object: string): boolean {
  return compile(pattern).matchesInOtherCase(object);
}

/** Why the pattern can match no object. Undefined if it can. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === "") return "a pattern has at least one character";
  if (pattern.startsWith("/")) return 'names of objects do not begin with "/": remove it';
  if (/^[a-z]+:\/\//i.test(pattern))
    return "a pattern matches the name of the object: write sales/*.csv, and the bucket in `bucket`";
  if (pattern.endsWith("/")) return 'a name that ends in "/" is a folder: add *, or ** for any depth';
  if (pattern.split("/").some((part) => part === "." || part === ".."))
    return 'names of objects have no "." and ".." in their path';
  if (nonDropReason(pattern) === "unfinished")
    return "hidden and unfinished files (.x, ~x, x~, .tmp, .part, .partial, .crdownload) start nothing";
  return undefined;
}

/**
 * The folder, with a `/` at its end, above all objects that the pattern can match (empty for the whole bucket), and
 * whether these may also be in its subfolders.
 */
function patternRoot(pattern: string): { readonly folder: string; readonly isDeep: boolean } {
  const special = pattern.search(/[*?()[\]{}|!+@\\]/);
  const plain = special === -1 ? pattern : pattern.slice(0, special);
  const folder = plain.slice(0, plain.lastIndexOf("/") + 1);
  const below = pattern.slice(folder.length);
  return { folder, isDeep: below.includes("/") || below.includes("**") };
}

/** The folder above all objects that the pattern can match; empty for the whole bucket. */
export function dropFolder(pattern: string): string {
  return patternRoot(pattern).folder;
}

function compile(pattern: string): CompiledPattern {
  const cached = compiledPatterns.get(pattern);
  if (cached) return cached;
  const alternatives = [pattern, escapeSpecials(pattern)];
  const compiled = {
    matches: picomatch(alternatives, { nonegate: true }),
    matchesInOtherCase: picomatch(alternatives, { nonegate: true, nocase: true }),
  };
  if (compiledPatterns.size >= maxCompiledPatterns) compiledPatterns.clear();
  compiledPatterns.set(pattern, compiled);
  return compiled;
}

/** Escapes all special characters except wildcards. Characters after a backslash stay as they are. */
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
  /** The bucket. Absent: any bucket. */
  bucket: z.string().min(1).optional(),
});

/** What starts batches without a person. */
export const TriggerSchema = z.discriminatedUnion("type", [FileDropSchema, ScheduleSchema]);
export type Trigger = z.infer<typeof TriggerSchema>;
export type FileDropTrigger = z.infer<typeof FileDropSchema>;
type ScheduleTrigger = z.infer<typeof ScheduleSchema>;

/** Starts a batch for every dropped file whose name matches the glob, such as `sales/*.csv`. */
export function fileDrop(pattern: string, options: { readonly bucket?: string } = {}): FileDropTrigger {
  return { type: "fileDrop", pattern, ...options };
}

export interface ScheduleOptions {
  /** IANA name of the pattern's time zone. Default `"UTC"`. */
  readonly timeZone?: string;
  /**
   * What happens for times that passed while Baton was down: `"skip"` (default) starts nothing, `"catch_up"` starts a
   * batch for each of them, oldest first.
   */
  readonly missed?: Schedule["missed"];
}

/** Starts a batch at the times of a cron pattern: minute, hour, day of month, month, day of week. */
export function schedule(cron: string, options: ScheduleOptions = {}): ScheduleTrigger {
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
 * The folders, with a `/` at their end, into which the tasks of a workflow move files, as far as the definition shows.
 */
function archiveFolders({ tasks }: Definition): string[] {
  return tasks.flatMap((task) => {
    const to = task.type === ARCHIVE_FILE_TASK_TYPE ? task.with.to : undefined;
    if (typeof to !== "string") return [];
    // Placeholders are filled when the task runs. The text before the first one is enough if it names a folder.
    const isLiteral = !to.includes("{{");
    const prefix = isLiteral ? `${to.replace(/\/+$/, "")}/` : to.slice(0, to.indexOf("{{"));
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    return folder === "" ? [] : [folder];
  });
}

/** Whether the task moves the dropped file that started the batch. */
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

/** Matches the files of one bucket against the file triggers of the deployed workflows. */
export class DropMatcher {
  /** The same for equal patterns and archive folders. */
  readonly key: string;
  readonly #bucket: string;
  readonly #triggers: readonly FileTrigger[];
  readonly #archives: readonly string[];

  constructor(bucket: string, workflows: readonly DeployedTriggers[]) {
    this.#bucket = bucket;
    this.#triggers = workflows.flatMap(({ definition: { workflowId }, triggers }) =>
      triggers.flatMap((trigger) =>
        trigger.type === "fileDrop" && (trigger.bucket ?? bucket) === bucket ? [{ workflowId, trigger }] : [],
      ),
    );
    this.#archives = [...new Set(workflows.flatMap(({ definition }) => archiveFolders(definition)))];
    this.key = JSON.stringify([this.#triggers.map(({ trigger }) => trigger.pattern), this.#archives]);
  }

  /** Whether a file of this name starts a batch. */
  matches(object: string): boolean {
    return this.#triggers.some(({ trigger }) => isTriggeredBy(trigger, { bucket: this.#bucket, object }));
  }

  /**
   * Whether the folder, with a `/` at its end, is an archive in which no pattern can match, so that it can be skipped.
   */
  isSkippedFolder(folder: string): boolean {
    return (
      this.#isArchive(folder) && !this.#triggers.some(({ trigger }) => canMatchIn(folder, trigger.pattern))
    );
  }

  /** Why no trigger matches a file with this name. Undefined if one does, or if the file was archived. */
  explainMismatch(object: string): string | undefined {
    if (this.matches(object) || this.#isArchive(object)) return undefined;
    const noDrop = nonDropReason(object);
    if (noDrop !== undefined)
      return noDrop === "folder" ? "it is a folder" : "its name says that it is unfinished";
    const inOtherCase = this.#triggers.find(({ trigger }) => matchesInOtherCase(trigger.pattern, object));
    if (inOtherCase)
      return (
        `"${inOtherCase.trigger.pattern}" of workflow ${inOtherCase.workflowId} matches it only in another case: ` +
        "patterns are case-sensitive"
      );
    if (this.#triggers.length === 0) return "no workflow has a file trigger";
    return "no pattern matches it";
  }

  #isArchive(name: string): boolean {
    return this.#archives.some((archive) => name.startsWith(archive));
  }
}

/** Whether the pattern can match an object in the folder or in its subfolders. */
function canMatchIn(folder: string, pattern: string): boolean {
  const root = patternRoot(pattern);
  return root.folder.startsWith(folder) || (root.isDeep && folder.startsWith(root.folder));
}
