import { type Command, functionCommands, planOfCommand, secretCommands, untaintCommand } from "./commands.ts";
import { functionSecrets } from "./function.ts";
import type { Prepared } from "./prepare.ts";
import { privateFlag } from "./settings.ts";

function when(condition: string, ...commands: readonly Command[]): Command[] {
  return commands.map((command) => ({
    ...command,
    condition: [condition, ...(command.condition ? [command.condition] : [])].join(", and "),
  }));
}

/** Every command of a deployment, in order. A test compares them with those that are run. */
export function plannedCommands(prepared: Prepared): readonly Command[] {
  const { deployment, infrastructure, parts } = prepared;
  const fn = functionCommands(deployment);
  const isWhole = parts.includes("infrastructure");
  const { init, workspace, plan, changes, apply } = infrastructure;
  const making = isWhole ? [init, workspace, plan, changes, apply] : [];
  const looking = [...projectCommands(prepared), ...lookingCommands(prepared, fn.serving)];
  if (!parts.includes("function")) return [...looking, ...making];
  const secrets = functionSecrets(deployment).flatMap(([, secret]) => {
    const { list, add } = secretCommands(deployment, secret);
    return [list, add];
  });
  const deploying = isWhole
    ? [infrastructure.output, ...secrets, fn.package, fn.deploy]
    : [
        ...when("when there is no function yet", ...secrets),
        fn.package,
        ...when(`without ${privateFlag} when there is a function already`, fn.deploy),
      ];
  return [...looking, ...making, ...deploying, fn.policy, fn.invoker, fn.traffic];
}

function projectCommands({ deployment, asksForProject, parts }: Prepared): readonly Command[] {
  const { projectNumber } = functionCommands(deployment);
  if (parts.includes("function")) return [projectNumber];
  return asksForProject ? when("when there is gcloud", projectNumber) : [];
}

/** The commands that look at the function that exists. */
function lookingCommands({ deployment, asksForProject, parts }: Prepared, look: Command): readonly Command[] {
  const { enabled } = functionCommands(deployment);
  if (!parts.includes("infrastructure")) return [look];
  const looks = when("when it is", look);
  if (parts.includes("function")) return [enabled, ...looks];
  return asksForProject ? [...when("when there is gcloud", enabled), ...looks] : [];
}

/** Every command that removes a deployment, in order. */
export function removalCommands(prepared: Prepared): readonly Command[] {
  const { deployment, tools, infrastructure, parts } = prepared;
  const { init, existing, state, plan, changes, apply, forgetFields, destroy } = infrastructure;
  const { present, remove } = functionCommands(deployment);
  const hasState = parts.includes("infrastructure");
  const hasFunction = parts.includes("function");
  const address = "<what is protected>";
  const lifting = when(
    "when it is protected against deletion",
    ...when("was made half the last time", untaintCommand(deployment, tools, address)),
    ...[planOfCommand(plan, [address]), changes, apply],
  );
  return [
    ...projectCommands(prepared),
    ...(hasState ? [init, existing, state] : []),
    ...(hasFunction ? lookingCommands(prepared, present) : []),
    ...(hasState ? lifting : []),
    ...(hasFunction ? [remove] : []),
    ...(hasState ? [forgetFields, destroy] : []),
  ];
}
