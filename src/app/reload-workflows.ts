import { errorMessage } from "../core/errors/errors.ts";
import type { Clock } from "../ports/machine.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";
import type { CatalogProblem, LoadedFolder } from "../workflow/workflow-folder.ts";

/** What a person or a log learns of changed workflow files. */
export interface ReloadReport {
  /** The workflows of `after` are in use from now on. */
  reloaded(before: LoadedFolder, after: LoadedFolder): void;
  /** A problem that is new since the last report. The previous workflows of its file stay in use. */
  problem(problem: CatalogProblem): void;
  /** A file that had problems has none any more. */
  solved(file: string): void;
  /** The folder can't be read. The loaded workflows stay in use. */
  unreadable(message: string): void;
}

export interface ReloadOptions {
  /** How often the files are checked. */
  readonly scanMs: number;
  readonly report: ReloadReport;
}

/** How long the files must not change before their problems count: editors write a file in parts, and twice. */
const settledMs = 1_000;

/**
 * Reloads workflow files that change while the server runs, the modules that they import, and the SQL files that these
 * name. Running tasks keep the code they started with. Problems that the files have now are not reported. Returns a
 * function that stops it.
 */
export function reloadWorkflows(
  folder: FolderCatalog,
  clock: Clock,
  { scanMs, report }: ReloadOptions,
): () => void {
  let cancel = () => {};
  let isStopped = false;
  folder.follow();
  const reporter = new Reporter(report, Math.ceil(settledMs / scanMs));
  const check = async () => {
    await reporter.report(folder);
    if (!isStopped) cancel = clock.after(scanMs, () => void check());
  };
  void check();
  return () => {
    isStopped = true;
    cancel();
  };
}

/** Finds what is new since its last report. */
class Reporter {
  readonly #report: ReloadReport;
  /** How many looks in a row must find the same files before problems count. */
  readonly #looksUntilSettled: number;
  #stillLooks = 0;
  #reported: LoadedFolder | undefined;
  #problems: ReadonlyMap<string, CatalogProblem> = new Map();
  #unreadable: string | undefined;

  constructor(report: ReloadReport, looksUntilSettled: number) {
    this.#report = report;
    this.#looksUntilSettled = looksUntilSettled;
  }

  async report(folder: FolderCatalog): Promise<void> {
    try {
      const { before, loaded, isStill } = await folder.look();
      if (!this.#reported) this.#startWith(before);
      this.#unreadable = undefined;
      this.#stillLooks = isStill ? this.#stillLooks + 1 : 0;
      if (isStill) this.#reportWorkflows(loaded);
      if (this.#stillLooks >= this.#looksUntilSettled) this.#reportProblems(loaded);
    } catch (error) {
      const problem = errorMessage(error);
      if (problem !== this.#unreadable) this.#report.unreadable(problem);
      this.#unreadable = problem;
    }
  }

  #startWith(loaded: LoadedFolder): void {
    this.#reported = loaded;
    this.#problems = problemsOf(loaded);
  }

  #reportWorkflows(loaded: LoadedFolder): void {
    const before = this.#reported;
    this.#reported = loaded;
    if (before && loaded !== before) this.#report.reloaded(before, loaded);
  }

  #reportProblems(loaded: LoadedFolder): void {
    const before = this.#problems;
    this.#problems = problemsOf(loaded);
    for (const [text, problem] of this.#problems) if (!before.has(text)) this.#report.problem(problem);
    const broken = new Set(loaded.problems.map(fileOf));
    const solved = new Set([...before.values()].map(fileOf).filter((file) => !broken.has(file)));
    for (const file of solved) this.#report.solved(file);
  }
}

/** The problems, each once. That of a file which was written again is another one. */
function problemsOf({ problems, states }: LoadedFolder): Map<string, CatalogProblem> {
  return new Map(
    problems.map((problem) => {
      const { code, where, message } = problem;
      return [JSON.stringify([code, where, message, states.get(fileOf(problem))]), problem];
    }),
  );
}

/** The file to correct. Several workflow files may import it. */
function fileOf({ where, file }: CatalogProblem): string {
  return /^(\/.*?\.\w+)(?=[:,]|$)/.exec(where)?.[1] ?? file;
}

/** Reports to the log of a server. */
export function reloadLog(logger: Logger): ReloadReport {
  return {
    reloaded: (_, { workflows }) =>
      logger.info("workflow files changed and were reloaded", { workflows: [...workflows.keys()] }),
    problem: ({ code, where, message }) =>
      logger.error("a workflow file has a problem; its previous workflows stay in use", {
        code,
        where,
        error: message,
      }),
    solved: (file) => logger.info("a workflow file has no problem any more", { file }),
    unreadable: (error) =>
      logger.error("the workflow files can't be read; the loaded workflows stay in use", { error }),
  };
}
