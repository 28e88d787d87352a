import type { Command } from "commander";
import { BatonError } from "../../core/errors.ts";
import type { Part } from "../../deployment/plan/plan.ts";
import type { DeployedFunction, ShowDeployment } from "../../deployment/run/deploy-function.ts";
import type { ShowRemoval } from "../../deployment/run/destroy.ts";
import type { Prepared } from "../../deployment/run/prepare.ts";
import type { TargetOptions } from "../../deployment/target/options.ts";
import { type PlanView, planText, planView } from "../output/deployment.ts";
import { nextText } from "../output/deployment-progress.ts";
import { showOf } from "../output/deployment-show.ts";
import { countsOf, doctorText } from "../output/doctor.ts";
import { failureExitCode, type Session } from "../session.ts";

interface Options extends TargetOptions {
  readonly dryRun?: true;
  readonly destroy?: true;
  readonly yes?: true;
  readonly skipInfra?: true;
  readonly skipFunction?: true;
  readonly json?: true;
}

export function registerDeploy(program: Command, session: Session): void {
  program
    .command("deploy")
    .description("deploy to Google Cloud: infrastructure, function, and what the workflows need")
    .option("--project <id>", "the project (default: BATON_PROJECT)")
    .option("--region <region>", "the region (default: BATON_LOCATION)")
    .option("--prefix <prefix>", "first part of all names (default: BATON_PREFIX, or baton)")
    .option("--function <name>", "name of the function (default: BATON_DEPLOY_FUNCTION, or the prefix)")
    .option(
      "--variables <file>",
      "variables of this deployment, NAME=value; others than Baton's are the function's",
    )
    .option("--dry-run", "only print the resources and commands; needs no account, network or tools")
    .option("--skip-infra", "deploy only the function")
    .option("--skip-function", "make only the infrastructure")
    .option("--destroy", "take the deployment away, with all of its data")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton deploy --project my-project --region europe-west1 --dry-run")
    .action((options: Options) => deploy(session, options));
}

async function deploy(session: Session, options: Options): Promise<void> {
  const parts = partsOf(options);
  const { prepareDeployment, plannedEnvironment } = await import("../../deployment/run/prepare.ts");
  const { plannedCommands, removalCommands } = await import("../../deployment/run/planned-commands.ts");
  const removes = options.destroy === true;
  const isPlain = options.json === true || !session.display.isTTY;
  const place = { root: process.cwd(), parts, removes, isPlain };
  const prepared = await prepareDeployment(session.environment, { ...options, ...place });
  const commands = removes ? removalCommands(prepared) : plannedCommands(prepared);
  const view = planView(prepared, commands, plannedEnvironment(prepared));
  if (options.dryRun && options.json) return session.json({ dryRun: true, ...view });
  if (!options.json) session.print(planText(view, { destroy: removes, dryRun: options.dryRun === true }));
  if (options.dryRun) return;
  const show = showOf(session, options, prepared);
  if (removes) return destroy(session, prepared, show, options.json ? view : undefined);
  const deployed = await apply(prepared, show);
  // Only a new version of the function: the infrastructure is as it was.
  const told = deployed && !options.skipInfra ? await check(session, prepared, deployed, options) : {};
  const previousRevision = deployed?.previousRevision ?? null;
  const commandFile = deployed?.commandFile ?? null;
  if (options.json) session.json({ dryRun: false, ...view, previousRevision, commandFile, ...told });
  else session.print(nextText(prepared, deployed, false));
}

function partsOf({ skipInfra, skipFunction }: Options): Part[] {
  if (skipInfra && skipFunction)
    throw new BatonError("USAGE", "With --skip-infra and --skip-function there is nothing to do");
  return [...(skipInfra ? [] : ["infrastructure" as const]), ...(skipFunction ? [] : ["function" as const])];
}

async function apply(prepared: Prepared, show: ShowDeployment): Promise<DeployedFunction | undefined> {
  const { applyDeployment } = await import("../../deployment/run/apply.ts");
  return applyDeployment(prepared, show);
}

/** `view`: it is told as JSON. */
async function destroy(session: Session, prepared: Prepared, show: ShowRemoval, view: PlanView | undefined) {
  const { destroyDeployment } = await import("../../deployment/run/destroy.ts");
  const deleted = await destroyDeployment(prepared, show);
  if (view) session.json({ dryRun: false, ...view, previousRevision: null, deleted });
  else session.print(nextText(prepared, undefined, true));
}

/** What the doctor says of it, and how the command ends. */
async function check(session: Session, prepared: Prepared, deployed: DeployedFunction, { json }: Options) {
  const { checkDeployment, isUnchecked } = await import("../../deployment/run/check.ts");
  const diagnosis = await checkDeployment(prepared, deployed);
  const { results } = diagnosis;
  const counts = countsOf(results);
  const unchecked = isUnchecked(diagnosis);
  if (unchecked)
    session.note("It could not be checked: `gcloud auth application-default login`, then `baton doctor`");
  else if (!json) session.print(doctorText(results));
  if (counts.failed !== 0 && !unchecked) session.exitCode = failureExitCode;
  return {
    checked: !unchecked,
    counts,
    checks: results,
  };
}
