import type { App } from "../app/app.ts";
import { BatonError } from "../core/errors/errors.ts";
import { nearestName } from "../core/values/text.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { Session } from "./session.ts";

/**
 * What a command does with the data: it `creates` the folder where there is none, or it `looks` at what there is; for
 * one that looks at `workflows` it is all the same whether there is any.
 */
type DataUse = "creates" | "looks" | "workflows";

/** Opens the app that the environment names, and closes it again whatever happens. Problems alone are logged. */
export async function withApp(
  session: Session,
  use: (app: App) => Promise<void>,
  dataUse: DataUse = "looks",
): Promise<void> {
  const { openForCommand } = await import("../app/open.ts");
  const { environment, logOutput } = session;
  const app = await openForCommand(environment, { creates: dataUse === "creates", logOutput });
  try {
    if (!app.hasData && dataUse === "looks")
      session.note(
        `There is no data in ${app.configuration.data} yet: \`baton run\` and \`baton start\` create it.`,
      );
    await use(app);
  } finally {
    await app.close();
  }
}

/** Throws `WORKFLOW_UNKNOWN`, after telling what is wrong with the files in which it may be. */
export async function findWorkflow(
  session: Session,
  app: App,
  workflowId: string,
): Promise<DeployedWorkflow> {
  const workflow = await app.folder.find(workflowId);
  if (workflow) return workflow;
  await reportProblems(session, app);
  const known = (await app.folder.all()).map(({ definition }) => definition.workflowId);
  const meant = nearestName(workflowId, known);
  const question = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new BatonError(
    "WORKFLOW_UNKNOWN",
    `There is no workflow "${workflowId}"; there are: ${known.join(", ") || "none"}${question}`,
    {
      remedy:
        "Name one of these, put the workflow into the folder of BATON_WORKFLOWS, or store it with `baton apply`.",
    },
  );
}

/** Does something; if it names a workflow that is not there, the error says which there are: see `findWorkflow`. */
export async function withKnownWorkflows<T>(session: Session, app: App, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const workflowId = thrown instanceof BatonError && thrown.details?.workflowId;
    if (typeof workflowId === "string") await findWorkflow(session, app, workflowId);
    throw thrown;
  }
}

/** Tells what is wrong with workflows. */
export async function reportProblems(session: Session, app: App): Promise<void> {
  for (const { code, where, message } of await app.folder.problems())
    session.note(`problem ${code} in ${where}: ${message}`);
}

/** Says how many documents a list lacks. */
export function reportCorruptDocuments(session: Session, unreadable: number): void {
  if (unreadable > 0)
    session.note(`${unreadable} documents can't be read by this version, and were skipped.`);
}
