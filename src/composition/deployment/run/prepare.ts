import { builtWorkflows, functionEnvironment, functionSecrets } from "../plan/function-environment.ts";
import { type Deployment, type Part, planDeployment } from "../plan/plan.ts";
import { loadWorkflows, readableWorkflows } from "../plan/workflows.ts";
import type { Variables } from "../target/given-variables.ts";
import { readTarget, type Target, type TargetOptions } from "../target/target.ts";
import { type Command, functionCommands, secretCommands } from "./commands.ts";
import { infrastructureCommands } from "./infrastructure-commands.ts";
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
  /** gcloud is needed, or there all the same. */
  readonly asksForProject: boolean;
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
  /** What Terraform says goes to no terminal. */
  readonly isPlain: boolean;
}

/** Where only the infrastructure is deployed, nobody asks for it. */
const unknownNumber = "<project number>";

/** Looks at the environment, the workflows, the folder and the tools; changes nothing and calls no service. */
export async function prepareDeployment(environment: Variables, options: PrepareOptions): Promise<Prepared> {
  const { root, parts, removes, isPlain } = options;
  const target = readTarget(environment, options);
  const { configuration } = target;
  // What workflows look at when they are loaded is what they find where they run.
  Object.assign(process.env, target.ownVariables, target.ownSecrets);
  const { workflows: folder } = configuration;
  const workflows = removes ? "" : builtWorkflows(folder, root);
  const load = removes ? readableWorkflows : loadWorkflows;
  const deployment = planDeployment(target, await load(folder));
  const tools = await findTools(toolsFor(parts), environment.PATH);
  return {
    root,
    parts,
    target,
    deployment,
    tools,
    infrastructure: infrastructureCommands(deployment, { programs: tools.programs, isPlain }),
    asksForProject: parts.includes("function") || tools.hasGcloud,
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
export function plannedCommands(prepared: Prepared): readonly Command[] {
  const { deployment, infrastructure, parts } = prepared;
  const fn = functionCommands(deployment);
  const isWhole = parts.includes("infrastructure");
  const once = (command: Command) => (isWhole ? command : { ...command, condition: onceCondition(command) });
  return [
    ...projectCommands(prepared),
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

function projectCommands({ deployment, asksForProject, parts }: Prepared): readonly Command[] {
  const { projectNumber } = functionCommands(deployment);
  if (parts.includes("function")) return [projectNumber];
  return asksForProject ? [{ ...projectNumber, condition: "when there is gcloud" }] : [];
}

function onceCondition({ condition }: Command): string {
  return ["when there is no function yet", ...(condition ? [condition] : [])].join(", and ");
}

/** Every command that takes a deployment away, in order. */
export function removalCommands(prepared: Prepared): readonly Command[] {
  const { deployment, infrastructure, parts } = prepared;
  const { init, existing, state, plan, changes, apply, destroy } = infrastructure;
  const lifted = [plan, changes, apply].map((command) => ({
    ...command,
    condition: "when it is protected against deletion",
  }));
  const { present, remove } = functionCommands(deployment);
  return [
    ...projectCommands(prepared),
    ...(parts.includes("infrastructure") ? [init, existing, state, ...lifted] : []),
    ...(parts.includes("function") ? [present, remove] : []),
    ...(parts.includes("infrastructure") ? [destroy] : []),
  ];
}
