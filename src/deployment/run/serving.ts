import * as z from "zod";
import { BatonError } from "../../core/errors.ts";
import { type Command, commandLine, functionCommands } from "./commands.ts";
import type { Prepared } from "./prepare.ts";
import type { RunStep } from "./run-step.ts";

/** The function as it is before a deployment. */
export interface ServingFunction {
  /** Which gets most of the messages. */
  readonly revision: string | undefined;
  /** Null: it comes from Secret Manager. */
  readonly variables: Readonly<Record<string, string | null>>;
}

const VariableSchema = z.object({
  name: z.string(),
  value: z.string().default(""),
  valueFrom: z.unknown().optional(),
});
const ContainerSchema = z.object({ env: z.array(VariableSchema).default([]) });
const TrafficSchema = z.object({ revisionName: z.string().optional(), percent: z.number().default(0) });
const ServicesSchema = z.array(
  z.object({
    spec: z
      .object({
        template: z.object({
          spec: z.object({ containers: z.array(ContainerSchema).default([]) }),
        }),
      })
      .optional(),
    status: z.object({ traffic: z.array(TrafficSchema).default([]) }).optional(),
  }),
);

/** Undefined: there is none yet. Changes nothing. Throws `DEPLOY_FAILED`. */
export async function askServingFunction(
  prepared: Prepared,
  run: RunStep,
): Promise<ServingFunction | undefined> {
  const { serving } = functionCommands(prepared.deployment);
  if (!(await hasCloudRun(prepared, run))) return undefined;
  return servingFunction(serving, await run(serving, { captures: true }));
}

/** Whether it is switched on: the infrastructure does that; without, it has to be. */
export async function hasCloudRun(
  { deployment, parts }: Pick<Prepared, "deployment" | "parts">,
  run: RunStep,
): Promise<boolean> {
  if (!parts.includes("infrastructure")) return true;
  return (await run(functionCommands(deployment).enabled, { captures: true })).trim() !== "";
}

function servingFunction(command: Command, text: string): ServingFunction | undefined {
  const [service] = parsed(command, text);
  if (service === undefined) return undefined;
  const [container] = service.spec?.template.spec.containers ?? [];
  const traffic = [...(service.status?.traffic ?? [])].sort((a, b) => b.percent - a.percent);
  return {
    revision: traffic[0]?.revisionName,
    variables: Object.fromEntries(
      (container?.env ?? []).map(({ name, value, valueFrom }) => [
        name,
        valueFrom === undefined ? value : null,
      ]),
    ),
  };
}

function parsed(command: Command, text: string): z.infer<typeof ServicesSchema> {
  try {
    return ServicesSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BatonError("DEPLOY_FAILED", `${command.title} failed: its answer can't be read`, {
      where: commandLine(command),
      cause,
    });
  }
}
