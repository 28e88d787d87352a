import { dataform, powerBiRefresh, type TaskSpec } from "baton-dag";

/** The named variable; undefined when it is empty or not set. */
const variable = (name: string) => process.env[name] || undefined;

/**
 * The task that summarises: the Dataform repository that `SALES_DATAFORM_REPOSITORY` names, at
 * `SALES_DATAFORM_COMMITISH` (default `main`), else the stand-in.
 */
export function dataformOr<Result>(standIn: TaskSpec<Result>): TaskSpec<unknown> {
  const repository = variable("SALES_DATAFORM_REPOSITORY");
  if (repository === undefined) return standIn;
  return dataform({ repository, gitCommitish: variable("SALES_DATAFORM_COMMITISH") ?? "main" });
}

/**
 * The task that reports: a refresh of the Power BI model that `SALES_POWERBI_DATASET` and
 * `SALES_POWERBI_WORKSPACE` name, else the stand-in.
 */
export function powerBiOr<Result>(standIn: TaskSpec<Result>): TaskSpec<unknown> {
  const dataset = variable("SALES_POWERBI_DATASET");
  const workspace = variable("SALES_POWERBI_WORKSPACE");
  if (dataset === undefined || workspace === undefined) return standIn;
  // A refresh that began before the summary was written would not show it.
  return powerBiRefresh({ dataset, workspace, ifRunning: "wait" });
}
