import * as z from "zod";
import { BatonError } from "../../core/errors.ts";
import { type Command, commandLine } from "./commands.ts";
import type { Prepared } from "./prepare.ts";
import type { RunStep } from "./run-step.ts";

/** Those that hold something, or that messages are lost without. Indexes and grants hold nothing: an upgrade may take them away. */
const precious =
  /^google_(firestore_database|storage_bucket|bigquery_(dataset|table)|secret_manager_secret(_version)?|cloud_tasks_queue|artifact_registry_repository|pubsub_(topic|subscription))$/;

const PlanSchema = z.object({
  resource_changes: z
    .array(
      z.object({
        address: z.string(),
        type: z.string(),
        change: z.object({ actions: z.array(z.string()) }),
      }),
    )
    .default([]),
});

/**
 * Stops a deployment that would delete what holds data: it is nearly always one whose variables were forgotten, so that names
 * have their defaults. Throws `DEPLOY_WOULD_DELETE`.
 */
export async function demandNoDeletions({ infrastructure }: Prepared, run: RunStep): Promise<void> {
  const { changes, apply } = infrastructure;
  const deleted = deletionsOf(changes, await run(changes, { captures: true }));
  if (deleted.length > 0)
    throw new BatonError("DEPLOY_WOULD_DELETE", `This would delete ${deleted.join(", ")}`, {
      where: `${commandLine(apply)} does it all the same`,
    });
}

function deletionsOf(command: Command, text: string): string[] {
  try {
    const { resource_changes: found } = PlanSchema.parse(JSON.parse(text));
    return found
      .filter(({ type, change }) => precious.test(type) && change.actions.includes("delete"))
      .map(({ address }) => address);
  } catch (cause) {
    throw new BatonError("DEPLOY_FAILED", `${command.title} failed: the plan can't be read`, {
      where: commandLine(command),
      cause,
    });
  }
}
