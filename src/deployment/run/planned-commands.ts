import { functionSecrets } from "../plan/function-environment.ts";
import { privateFlag } from "../plan/function-settings.ts";
import { type Command, functionCommands, secretCommands } from "./commands.ts";
import { planOfCommand, untaintCommand } from "./infrastructure-commands.ts";
import type { Prepared } from "./prepare.ts";

/** Every command of a deployment, in order. */
export function plannedCommands(prepared: Prepared): readonly Command[] {
  const { deployment, infrastructure, parts } = prepared;
  const fn = functionCommands(deployment);
  const isWhole = parts.includes("infrastructure");
  const once = (command: Command) => (isWhole ? command : { ...command, condition: onceCondition(command) });
  return [
    ...projectCommands(prepared),
    ...servingCommands(prepared),
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
          ...functionSecrets(deployment).flatMap(([, secret]) => {
            const { list, add } = secretCommands(deployment, secret);
            return [once(list), once(add)];
          }),
          ...[fn.package, isWhole ? fn.deploy : privateOnce(fn.deploy), fn.policy, fn.invoker, fn.traffic],
        ]
      : []),
  ];
}

function servingCommands({ deployment, asksForProject, parts }: Prepared): readonly Command[] {
  const { enabled, serving } = functionCommands(deployment);
  if (!parts.includes("infrastructure")) return [serving];
  if (parts.includes("function")) return [enabled, { ...serving, condition: "when it is" }];
  if (!asksForProject) return [];
  return [
    { ...enabled, condition: "when there is gcloud" },
    { ...serving, condition: "when it is" },
  ];
}

function projectCommands({ deployment, asksForProject, parts }: Prepared): readonly Command[] {
  const { projectNumber } = functionCommands(deployment);
  if (parts.includes("function")) return [projectNumber];
  return asksForProject ? [{ ...projectNumber, condition: "when there is gcloud" }] : [];
}

function privateOnce(deploy: Command): Command {
  return { ...deploy, condition: `without ${privateFlag} when there is a function already` };
}

function onceCondition({ condition }: Command): string {
  return ["when there is no function yet", ...(condition ? [condition] : [])].join(", and ");
}

/** Every command that takes a deployment away, in order. */
export function removalCommands(prepared: Prepared): readonly Command[] {
  const { deployment, infrastructure, parts } = prepared;
  const { init, existing, state, forgetFields, destroy } = infrastructure;
  const { enabled, present, remove } = functionCommands(deployment);
  const isWhole = parts.includes("infrastructure");
  const looks = isWhole ? [enabled, { ...present, condition: "when it is" }] : [present];
  return [
    ...projectCommands(prepared),
    ...(isWhole ? [init, existing, state] : []),
    ...(parts.includes("function") ? looks : []),
    ...(isWhole ? liftingCommands(prepared) : []),
    ...(parts.includes("function") ? [remove] : []),
    ...(isWhole ? [forgetFields, destroy] : []),
  ];
}

function liftingCommands({ deployment, tools, infrastructure }: Prepared): readonly Command[] {
  const { plan, changes, apply } = infrastructure;
  const address = "<what is protected>";
  const condition = "when it is protected against deletion";
  return [
    {
      ...untaintCommand(deployment, tools, address),
      condition: `${condition}, and was made half the last time`,
    },
    ...[planOfCommand(plan, [address]), changes, apply].map((command) => ({ ...command, condition })),
  ];
}
