import { messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";

/**
 * Has a server see workflow files that change while it runs, and modules that they import. Tasks that run go on with
 * the code they began with; those that begin have the new one. Gives how to end it.
 */
export function followWorkflows(folder: FolderCatalog, clock: Clock, logger: Logger): () => void {
  let cancel = () => {};
  let isFollowing = true;
  let told: string | undefined;
  folder.follow(({ workflows, problems }) => {
    logger.info("workflow files have changed, and were loaded again", { workflows: [...workflows.keys()] });
    for (const { code, where, message } of problems)
      logger.error("a workflow file has a problem; what it held before stays in use", {
        code,
        where,
        error: message,
      });
  });
  const look = async () => {
    try {
      await folder.look();
      told = undefined;
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== told)
        logger.error("the workflow files can't be looked at; those that are loaded stay in use", {
          error: problem,
        });
      told = problem;
    }
    if (isFollowing) cancel = clock.after(limits.workflowLookSeconds * 1_000, () => void look());
  };
  void look();
  return () => {
    isFollowing = false;
    cancel();
  };
}
