import * as z from "zod";
import { BatonError } from "../../core/errors.ts";
import { type Command, commandLine } from "./commands.ts";
import type { Prepared } from "./prepare.ts";
import type { RunStep } from "./run-step.ts";

/** What an apply would do to one resource. */
export interface PlannedChange {
  readonly address: string;
  readonly type: string;
  /** A replacement is a deletion and a creation. */
  readonly actions: readonly string[];
  /** It was begun and not ended: it is replaced for that reason alone. */
  readonly isHalfMade: boolean;
}

const PlanSchema = z.object({
  resource_changes: z
    .array(
      z.object({
        address: z.string(),
        type: z.string(),
        change: z.object({ actions: z.array(z.string()) }),
        action_reason: z.string().optional(),
      }),
    )
    .default([]),
});

/** Reads the plan that was just made. Throws `DEPLOY_FAILED`. */
export async function plannedChanges(
  { infrastructure }: Pick<Prepared, "infrastructure">,
  run: RunStep,
): Promise<readonly PlannedChange[]> {
  const { changes } = infrastructure;
  return changesOf(changes, await run(changes, { captures: true }));
}

function changesOf(command: Command, text: string): PlannedChange[] {
  try {
    return PlanSchema.parse(JSON.parse(text)).resource_changes.map(
      ({ address, type, change, action_reason: reason }) => ({
        address,
        type,
        actions: change.actions,
        isHalfMade: reason === "replace_because_tainted",
      }),
    );
  } catch (cause) {
    throw new BatonError("DEPLOY_FAILED", `${command.title} failed: the plan can't be read`, {
      where: commandLine(command),
      cause,
    });
  }
}
