import type { Command } from "commander";
import { BatonError } from "../../core/errors.ts";
import { isSpent } from "../../core/execution.ts";
import { withKnownKey } from "../known-key.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

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
    const cleared = !isSpent(before.data, before.ageMs);
    if (cleared && !(await executions.clearResult(key)))
      throw new BatonError("EXECUTION_LOCKED", `The key ${key} is locked: nothing was cleared`);
    if (json) return session.json({ key, cleared });
    if (!cleared) return session.print(`${key} has no cached result and no steps: nothing to do.`);
    const forgotten = before.data.state === "SUCCESS" ? "result and steps" : "steps";
    session.print(`Forgot the ${forgotten} of ${key}: the next call runs from the beginning.`);
  });
}
