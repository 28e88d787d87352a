import { archiveFoldersOf } from "./archiving.ts";
import type { Definition } from "./definition.ts";
import { matchesInOtherCase, rootOfPattern } from "./drop-pattern.ts";
import { whyNoDrop } from "./drops.ts";
import { isTriggeredBy, type Trigger } from "./trigger.ts";

interface DeployedTriggers {
  readonly definition: Definition;
  readonly triggers: readonly Trigger[];
}

interface Interested {
  readonly workflowId: string;
  readonly trigger: Extract<Trigger, { readonly type: "fileDrop" }>;
}

/** What the deployed workflows make of the files of one bucket. */
export class DropInterest {
  /** Equal for the same patterns and archives. */
  readonly key: string;
  readonly #bucket: string;
  readonly #interested: readonly Interested[];
  readonly #archives: readonly string[];

  constructor(bucket: string, workflows: readonly DeployedTriggers[]) {
    this.#bucket = bucket;
    this.#interested = workflows.flatMap(({ definition: { workflowId }, triggers }) =>
      triggers.flatMap((trigger) =>
        trigger.type === "fileDrop" && (trigger.bucket ?? bucket) === bucket ? [{ workflowId, trigger }] : [],
      ),
    );
    this.#archives = [...new Set(workflows.flatMap(({ definition }) => archiveFoldersOf(definition)))];
    this.key = JSON.stringify([this.#interested.map(({ trigger }) => trigger.pattern), this.#archives]);
  }

  /** Whether a file of this name starts a batch. */
  takes(object: string): boolean {
    return this.#interested.some(({ trigger }) => isTriggeredBy(trigger, { bucket: this.#bucket, object }));
  }

  /**
   * Whether the folder, with a `/` at its end, is of an archive that no pattern reaches into, so it can be left out.
   */
  passesOver(folder: string): boolean {
    return (
      this.#isArchive(folder) && !this.#interested.some(({ trigger }) => mayHold(folder, trigger.pattern))
    );
  }

  /** Why no workflow takes a file of this name, for people; undefined when one does, or the file was archived. */
  whyUntaken(object: string): string | undefined {
    if (this.takes(object) || this.#isArchive(object)) return undefined;
    const noDrop = whyNoDrop(object);
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
  const root = rootOfPattern(pattern);
  return root.folder.startsWith(folder) || (root.isDeep && folder.startsWith(root.folder));
}
