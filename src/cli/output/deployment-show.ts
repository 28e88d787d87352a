import type { ShowDeployment } from "../../deployment/run/deploy-function.ts";
import type { ShowRemoval } from "../../deployment/run/destroy.ts";
import type { Prepared } from "../../deployment/run/prepare.ts";
import { confirm } from "../confirm.ts";
import type { Session } from "../session.ts";
import { changesText, removalText, stepText, wayBackText } from "./deployment-progress.ts";

interface ShowOptions {
  readonly yes?: true;
  readonly json?: true;
  readonly destroy?: true;
}

/** Shows what is done while it is done; with `--json`, on standard error. */
export function showOf(
  session: Session,
  { yes, json, destroy }: ShowOptions,
  prepared: Prepared,
): ShowRemoval & ShowDeployment {
  const print = (text: string) => (json ? session.note(text) : session.print(text));
  return {
    errorDescriptor: session.display.fd,
    step: (command) => print(stepText(command)),
    removes: (found) => print(removalText(found, prepared)),
    changes: (found) => print(changesText(found)),
    warn: (text) => session.note(text),
    wayBack: (command) => session.note(wayBackText(command)),
    confirm: async (question) => {
      if (yes) return;
      if (destroy) await confirm(session, question, [prepared.deployment.prefix]);
      else await confirm(session, `${question} Type yes to go on:`, ["yes", "y"]);
    },
  };
}
