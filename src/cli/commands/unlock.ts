import type { Command } from "commander";
import { shownHolder } from "../../core/execution.ts";
import { withKnownKey } from "../known-key.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

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
    const before = data.holder && shownHolder(data.holder);
    const unlocked = await executions.unlock(key);
    const holder = unlocked ? before : null;
    if (json) return session.json({ key, unlocked, holder });
    if (!unlocked) return session.print(`${key} was not locked: nothing to do.`);
    const { attempt, taskId, batchId, worker } = before ?? {};
    const had = `attempt ${attempt} of task ${taskId} in batch ${batchId}, on ${worker}`;
    session.print(`Freed ${key}. It was held by ${had}.`);
    session.print("The next call takes it. If its holder still runs, its result is discarded.");
  });
}
