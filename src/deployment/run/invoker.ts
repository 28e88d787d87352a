import * as z from "zod";
import { BatonError } from "../../core/errors.ts";
import { accountOf, type Deployment } from "../plan/plan.ts";
import { commandLine, functionCommands } from "./commands.ts";
import type { RunStep } from "./run-step.ts";

const PolicySchema = z.object({
  bindings: z.array(z.object({ role: z.string(), members: z.array(z.string()).default([]) })).default([]),
});

interface InvokerOptions {
  /** Whoever deploys all of it may also grant. */
  readonly isWhole: boolean;
  warn(text: string): void;
}

/** Lets the account that pushes call the function, unless it may already. Throws `DEPLOY_FAILED`. */
export async function ensureInvoker(
  deployment: Deployment,
  run: RunStep,
  { isWhole, warn }: InvokerOptions,
): Promise<void> {
  const { invoker } = functionCommands(deployment);
  const isGranted = await mayCall(deployment, run);
  if (isGranted) return;
  if (isGranted === undefined && !isWhole) {
    warn(
      `It can't be seen whether ${accountOf(deployment, "push")} may call the function. If messages don't arrive, somebody with more rights runs: ${commandLine(invoker)}`,
    );
    return;
  }
  await run(invoker);
}

/** Undefined: whoever deploys may not look. */
async function mayCall(deployment: Deployment, run: RunStep): Promise<boolean | undefined> {
  const { policy } = functionCommands(deployment);
  const member = `serviceAccount:${accountOf(deployment, "push")}`;
  try {
    const { bindings } = PolicySchema.parse(JSON.parse(await run(policy, { captures: true })));
    return bindings.some(({ role, members }) => role === "roles/run.invoker" && members.includes(member));
  } catch (error) {
    if (error instanceof BatonError || error instanceof SyntaxError || error instanceof z.ZodError)
      return undefined;
    throw error;
  }
}
