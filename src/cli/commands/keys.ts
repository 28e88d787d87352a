import type { Command } from "commander";
import { actions } from "../../app/actions.ts";
import type { App } from "../../app/app.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { isExpiredExecution, toDisplayedHolder } from "../../core/idempotency-lock.ts";
import { isoTime } from "../../core/values/time.ts";
import { executionView } from "../../core/views/execution.ts";
import type { Explanation } from "../../engine/queries/idempotency-keys.ts";
import { type ExplanationView, explanationText } from "../output/explain.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

/** Returns the result of `ask`. The error for an unknown key also lists similar keys. */
export async function withKnownKey<Answer>(
  { engine }: App,
  key: string,
  ask: (key: string) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(key);
  } catch (thrown) {
    if (!(thrown instanceof BatonError) || thrown.code !== "EXECUTION_UNKNOWN") throw thrown;
    const similar = await engine.admin.inspection.similarKeys(key);
    if (similar.length === 0) throw thrown;
    throw new BatonError(thrown.code, `${thrown.message}; similar keys: ${similar.join(", ")}`);
  }
}

export function registerExplain(program: Command, session: Session): void {
  program
    .command("explain")
    .description("show why a call ran or did not: everything stored for its idempotency key")
    .argument("<key>", "the key, as `baton show` prints it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton explain 'enrich/work?job_id=j1'")
    .action((key: string, { json }: { readonly json?: true }) =>
      withApp(session, async (app) => {
        const explanation = await withKnownKey(app, key, (known) =>
          app.engine.admin.executions.explain(known),
        );
        const view = explanationView(explanation);
        if (json) session.json(view);
        else session.print(explanationText(view));
        if (explanation.more > 0)
          session.note(`${explanation.more} older steps and callbacks are not shown.`);
      }),
    );
}

function explanationView({ execution, ageMs, readAt, steps, callbacks }: Explanation): ExplanationView {
  return {
    ...executionView(execution, ageMs, readAt),
    steps: steps.map((step) => ({ ...step, storedAt: isoTime(step.storedAt) })),
    callbacks,
  };
}

export function registerUnlock(program: Command, session: Session): void {
  program
    .command("unlock")
    .description("free the lock of a key, and fence its holder")
    .argument("<key>", "the key, as `baton inspect locks` lists it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton unlock 'enrich/work?job_id=j1'")
    .action((key: string, { json }: { readonly json?: true }) => unlock(session, key, json));
}

async function unlock(session: Session, key: string, json: true | undefined): Promise<void> {
  await withApp(session, async (app) => {
    const { executions } = app.engine.admin;
    const { data } = await withKnownKey(app, key, (known) => executions.require(known));
    const before = data.holder && toDisplayedHolder(data.holder);
    const unlocked = await actions.unlock.perform(app, { key });
    const holder = unlocked ? before : null;
    if (json) return session.json({ key, unlocked, holder });
    if (!unlocked) return session.print(`${key} was not locked: nothing to do.`);
    const { attempt, taskId, batchId, worker } = before ?? {};
    const holderText = `attempt ${attempt} of task ${taskId} in batch ${batchId}, on ${worker}`;
    session.print(`Freed ${key}. It was held by ${holderText}.`);
    session.print("The next call takes it. If its holder still runs, its result is discarded.");
  });
}

export function registerClearResult(program: Command, session: Session): void {
  program
    .command("clear-result")
    .description("delete the cached result and the stored steps of a key: the next call runs")
    .argument("<key>", "the key, as `baton inspect results` lists it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton clear-result 'enrich/work?job_id=j1'")
    .action((key: string, { json }: { readonly json?: true }) => clearResult(session, key, json));
}

async function clearResult(session: Session, key: string, json: true | undefined): Promise<void> {
  await withApp(session, async (app) => {
    const { executions } = app.engine.admin;
    const before = await withKnownKey(app, key, (known) => executions.require(known));
    const cleared = !isExpiredExecution(before.data, before.ageMs);
    if (cleared && !(await actions["clear-result"].perform(app, { key })))
      throw new BatonError("EXECUTION_LOCKED", `The key ${key} is locked: nothing was cleared`);
    if (json) return session.json({ key, cleared });
    if (!cleared) return session.print(`${key} has no cached result and no steps: nothing to do.`);
    const deleted = before.data.state === "SUCCESS" ? "result and steps" : "steps";
    session.print(`Deleted the ${deleted} of ${key}: the next call runs from the beginning.`);
  });
}
