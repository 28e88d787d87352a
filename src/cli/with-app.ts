import type { App } from "../app/app.ts";
import { BatonError } from "../core/errors/errors.ts";
import { nearestName } from "../core/values/text.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { Session } from "./session.ts";

/**
 * How a command uses the data folder: it `creates` a missing one, `reads` it, or reads only `workflows`, for which a
 * missing folder is no surprise.
 */
type DataUse = "creates" | "reads" | "workflows";

/** Opens the app of the environment for `use`, and closes it afterwards. */
export async function withApp(
  session: Session,
  use: (app: App) => Promise<void>,
  dataUse: DataUse = "reads",
): Promise<void> {
  const { openForCommand } = await import("../app/open.ts");
  const { environment, logOutput } = session;
  const { app } = await openForCommand(environment, { creates: dataUse === "creates", logOutput });
  try {
    if (!app.hasData && dataUse === "reads")
      session.note(
        `There is no data in ${app.configuration.data} yet: \`baton run\` and \`baton start\` create it.`,
      );
    await use(app);
  } finally {
    await app.close();
  }
}

/** Throws `WORKFLOW_UNKNOWN`, after a report of the problems in the workflow files, which may explain it. */
export async function findWorkflow(
  session: Session,
  app: App,
  workflowId: string,
): Promise<DeployedWorkflow> {
  const workflow = await app.folder.find(workflowId);
  if (workflow) return workflow;
  await reportProblems(session, app);
  const known = (await app.folder.all()).map(({ definition }) => definition.workflowId);
  const suggestion = nearestName(workflowId, known);
  const question = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  throw new BatonError(
    "WORKFLOW_UNKNOWN",
    `There is no workflow "${workflowId}"; the workflows are: ${known.join(", ") || "none"}${question}`,
    {
      remedy:
        "Name one of these, put the workflow into the folder of BATON_WORKFLOWS, or store it with `baton apply`.",
    },
  );
}

/** Runs `work`. If it throws for an unknown workflow, the error lists the known ones: see `findWorkflow`. */
export async function withKnownWorkflows<T>(session: Session, app: App, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const workflowId = thrown instanceof BatonError && thrown.details?.workflowId;
    if (typeof workflowId === "string") await findWorkflow(session, app, workflowId);
    throw thrown;
  }
}

/** Prints the problems of the workflow files. */
export async function reportProblems(session: Session, app: App): Promise<void> {
  for (const { code, where, message } of await app.folder.problems())
    session.note(`problem ${code} in ${where}: ${message}`);
}

/** Notes the number of documents that a list had to skip. */
export function reportCorruptDocuments(session: Session, unreadable: number): void {
  if (unreadable > 0)
    session.note(`${unreadable} documents can't be read by this version, and were skipped.`);
}
