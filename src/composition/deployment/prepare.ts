import { type Command, functionCommands, infrastructureCommands, secretCommands } from "./commands.ts";
import { builtWorkflows, functionEnvironment, functionSecrets } from "./function-environment.ts";
import { type Part, packageProblems } from "./package-check.ts";
import { type Deployment, planDeployment } from "./plan.ts";
import { readTarget, type Target, type TargetOptions, type Variables } from "./target.ts";
import { type FoundTools, findTools, type ToolName } from "./tools.ts";
import { loadWorkflows, readableWorkflows } from "./workflows.ts";

/** Everything that is known before anything is changed. */
export interface Prepared {
  readonly root: string;
  readonly parts: readonly Part[];
  readonly target: Target;
  readonly deployment: Deployment;
  readonly tools: FoundTools;
  /** Why the folder can't be deployed as it is. */
  readonly packageProblems: readonly string[];
  /** The built workflows, from the folder. */
  readonly workflows: string;
}

export interface PrepareOptions extends TargetOptions {
  /** The folder of Baton and its workflows. */
  readonly root: string;
  readonly parts: readonly Part[];
  /** It is to be taken away: then it does not matter what is wrong with the workflows. */
  readonly removes: boolean;
}

/** Where only the infrastructure is deployed, nobody asks for it. */
const unknownNumber = "<project number>";

/** Looks at the environment, the workflows, the folder and the tools; changes nothing and calls no service. */
export async function prepareDeployment(environment: Variables, options: PrepareOptions): Promise<Prepared> {
  const { root, parts, removes } = options;
  const target = readTarget(environment, options);
  const { configuration } = target;
  // What workflows look at when they are loaded is what they find where they run.
  Object.assign(process.env, target.ownVariables);
  const { workflows: folder } = configuration;
  const workflows = removes ? "" : builtWorkflows(folder, root);
  const load = removes ? readableWorkflows : loadWorkflows;
  return {
    root,
    parts,
    target,
    deployment: planDeployment(target, await load(folder)),
    tools: await findTools(toolsFor(parts), environment.PATH),
    packageProblems: removes
      ? []
      : await packageProblems(root, { parts, workflows: folder, built: workflows }),
    workflows,
  };
}

function toolsFor(parts: readonly Part[]): ToolName[] {
  return parts.map((part) => (part === "infrastructure" ? "terraform" : "gcloud"));
}

/** The variables of the function, with its address still to be filled in. */
export function plannedEnvironment({ deployment, target, workflows }: Prepared) {
  return functionEnvironment(deployment, target, { projectNumber: unknownNumber, workflows });
}

/** Every command of a deployment, in order. */
export function plannedCommands({ deployment, tools, parts }: Prepared): readonly Command[] {
  const infrastructure = infrastructureCommands(deployment, tools.programs);
  const fn = functionCommands(deployment);
  const isWhole = parts.includes("infrastructure");
  const once = (command: Command) => (isWhole ? command : { ...command, condition: onceCondition(command) });
  return [
    ...(isWhole
      ? [
          infrastructure.init,
          infrastructure.workspace,
          infrastructure.plan,
          infrastructure.changes,
          infrastructure.apply,
        ]
      : []),
    ...(parts.includes("function")
      ? [
          fn.projectNumber,
          ...(isWhole ? [infrastructure.output] : []),
          fn.previous,
          ...functionSecrets(deployment).flatMap(([, secret]) => {
            const { list, add } = secretCommands(deployment, secret);
            return [once(list), once(add)];
          }),
          ...[fn.package, fn.deploy, once(fn.invoker), fn.traffic],
        ]
      : []),
  ];
}

function onceCondition({ condition }: Command): string {
  return ["when there is no function yet", ...(condition ? [condition] : [])].join(", and ");
}

/** Every command that takes a deployment away, in order. */
export function removalCommands({ deployment, tools, parts }: Prepared): readonly Command[] {
  const { init, existing, state, plan, changes, apply, destroy } = infrastructureCommands(
    deployment,
    tools.programs,
  );
  const lifted = [plan, changes, apply].map((command) => ({
    ...command,
    condition: "when it is protected against deletion",
  }));
  const { present, remove } = functionCommands(deployment);
  return [
    ...(parts.includes("infrastructure") ? [init, existing, state, ...lifted] : []),
    ...(parts.includes("function") ? [present, remove] : []),
    ...(parts.includes("infrastructure") ? [destroy] : []),
  ];
}
