import type { Command } from "commander";
import { executionView } from "../../core/execution-view.ts";
import { isoTime } from "../../core/time.ts";
import type { Explanation } from "../../engine/executions.ts";
import { withKnownKey } from "../known-key.ts";
import { type ExplanationView, explanationText } from "../output/explain.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerExplain(program: Command, session: Session): void {
  program
    .command("explain")
    .description("show why a call ran or did not: everything known of its idempotency key")
    .argument("<key>", "the key, as `baton show` prints it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton explain 'enrich/work?job_id=j1'")
    .action((key: string, { json }: { readonly json?: true }) =>
      withApp(session, async (app) => {
        const found = await withKnownKey(app, key, (known) => app.engine.admin.executions.explain(known));
        const view = explanationView(found);
        if (json) session.json(view);
        else session.print(explanationText(view));
        if (found.more > 0) session.note(`${found.more} older steps and callbacks are not shown.`);
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
