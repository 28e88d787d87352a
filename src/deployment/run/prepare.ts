import { problemsText, type RawEnvironment } from "../../composition/variable-problems.ts";
import { BatonError } from "../../core/errors.ts";
import { taskSecretPrefix, unconfiguredSecrets } from "../../core/named-secrets.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { builtWorkflows, functionEnvironment } from "../plan/function-environment.ts";
import { type Deployment, type Part, planDeployment } from "../plan/plan.ts";
import { planWarnings } from "../plan/warnings.ts";
import { loadWorkflows, readableWorkflows } from "../plan/workflows.ts";
import type { TargetOptions } from "../target/options.ts";
import { readTarget, type Target } from "../target/target.ts";
import { infrastructureCommands } from "./infrastructure-commands.ts";
import { stateWarnings, terraformPrograms } from "./infrastructure-folder.ts";
import { packageProblems } from "./package-check.ts";
import { type FoundTools, findTools, type ToolName } from "./tools.ts";

/** Everything that is known before anything is changed. */
export interface Prepared {
  readonly root: string;
  readonly parts: readonly Part[];
  readonly target: Target;
  readonly deployment: Deployment;
  readonly tools: FoundTools;
  readonly infrastructure: ReturnType<typeof infrastructureCommands>;
  /** That of whoever deploys: what the workflows are given is not for tools. */
  readonly toolEnvironment: RawEnvironment;
  /** gcloud is needed, or there all the same. */
  readonly asksForProject: boolean;
  /** Why the folder can't be deployed as it is. */
  readonly packageProblems: readonly string[];
  /** The built workflows, from the folder. */
  readonly workflows: string;
  /** What works, but is perhaps not what was meant, beside the warnings of the target. */
  readonly warnings: readonly string[];
}

export interface PrepareOptions extends TargetOptions {
  /** The folder of Baton and its workflows. */
  readonly root: string;
  readonly parts: readonly Part[];
  /** It is to be taken away: then it does not matter what is wrong with the workflows. */
  readonly removes: boolean;
  /** What Terraform says goes to no terminal. */
  readonly isPlain: boolean;
}

/** Where only the infrastructure is deployed, nobody asks for it. */
const unknownNumber = "<project number>";

/**
 * Looks at the environment, the workflows, the folder and the tools; calls no service, and changes nothing but this process's own
 * environment, which gets the variables of the workflows.
 */
export async function prepareDeployment(
  environment: RawEnvironment,
  options: PrepareOptions,
): Promise<Prepared> {
  const { root, parts, removes, isPlain } = options;
  const target = readTarget(environment, options);
  const { configuration } = target;
  const toolEnvironment = { ...process.env };
  // What workflows look at when they are loaded is what they find where they run.
  Object.assign(process.env, target.ownVariables, target.ownSecrets);
  const { workflows: folder } = configuration;
  const workflows = removes ? "" : builtWorkflows(folder, root);
  const load = removes ? readableWorkflows : loadWorkflows;
  const found = await load(folder);
  if (!removes) demandSecrets(target, found);
  const deployment = planDeployment(target, found);
  const tools = await findTools(toolsFor(parts), {
    environment: { ...toolEnvironment, PATH: environment.PATH },
    terraform: terraformPrograms(root, target.settings.BATON_DEPLOY_TERRAFORM),
  });
  return {
    root,
    parts,
    target,
    deployment,
    tools,
    toolEnvironment,
    infrastructure: infrastructureCommands(deployment, { programs: tools.programs, isPlain }),
    asksForProject: parts.includes("function") || tools.hasGcloud,
    packageProblems: removes
      ? []
      : await packageProblems(root, { parts, workflows: folder, built: workflows }),
    workflows,
    warnings: removes
      ? []
      : [
          ...planWarnings(deployment, found),
          ...(parts.includes("infrastructure") ? stateWarnings(root) : []),
        ],
  };
}

/** Every task that names one would fail. Throws `CONFIGURATION_INVALID`. */
function demandSecrets({ ownSecrets }: Target, workflows: readonly DeployedWorkflow[]): void {
  const configured = Object.keys(ownSecrets)
    .filter((name) => name.startsWith(taskSecretPrefix))
    .map((name) => name.slice(taskSecretPrefix.length));
  const problems = unconfiguredSecrets(workflows, configured);
  if (problems.length === 0) return;
  throw new BatonError("CONFIGURATION_INVALID", problemsText(problems), {
    remedy:
      "Put the secret into Secret Manager, and BATON_TASK_SECRET_<NAME>=secret:<name of the secret> into the file of --variables.",
  });
}

function toolsFor(parts: readonly Part[]): ToolName[] {
  return parts.map((part) => (part === "infrastructure" ? "terraform" : "gcloud"));
}

/** The variables of the function, with its address still to be filled in. */
export function plannedEnvironment({ deployment, target, workflows }: Prepared) {
  return functionEnvironment(deployment, target, { projectNumber: unknownNumber, workflows });
}
