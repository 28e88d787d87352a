import type { Command } from "commander";
import { BatonError } from "../../core/errors.ts";
import { isSpent } from "../../core/execution.ts";
import { withKnownKey } from "../known-key.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerClearResult(program: Command, session: Session): void {
  program
    .command("clear-result")
    .description("forget the cached result and the stored steps of a key: the next call runs")
    .argument("<key>", "the key, as `baton inspect results` lists it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton clear-result 'enrich/work?job_id=j1'")
    .action((key: string, { json }: { readonly json?: true }) => clearResult(session, key, json));
}

async function clearResult(session: Session, key: string, json: true | undefined): Promise<void> {
  await withApp(session, async (app) => {
    const { executions } = app.engine.admin;
    const before = await withKnownKey(app, key, (known) => executions.require(known));
    const cleared = !isSpent(before.data, before.ageMs);
    if (cleared && !(await executions.clearResult(key)))
      throw new BatonError("EXECUTION_LOCKED", `Somebody has the lock of ${key}: nothing was cleared`);
    if (json) return session.json({ key, cleared });
    if (!cleared) return session.print(`There was nothing that counts of ${key}: nothing had to be done.`);
    const forgotten = before.data.state === "SUCCESS" ? "result and steps" : "steps";
    session.print(`Forgot the ${forgotten} of ${key}: the next call runs from the beginning.`);
  });
}
