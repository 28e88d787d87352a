import type { Command } from "commander";
import type { App } from "../../composition/app.ts";
import type { Published, PublishOptions } from "../../composition/publish.ts";
import { errorCatalog } from "../../core/error-catalog.ts";
import { BatonError, messageOf } from "../../core/errors.ts";
import { noteUnreadable } from "../note-unreadable.ts";
import { publishedText } from "../output/published.ts";
import { oneLine } from "../output/text.ts";
import { whoWorks } from "../output/who-works.ts";
import { failureExitCode, type Session } from "../session.ts";
import { namingWorkflows, withApp } from "../with-app.ts";
import { uncheckedHelp } from "./publish.ts";

interface Options {
  readonly code?: string;
  readonly unchecked?: true;
  readonly json?: true;
}

export function registerReplay(program: Command, session: Session): void {
  program
    .command("replay")
    .description("publish the message of a dead letter again, or those of all dead letters of a code")
    .argument("[deadLetterId]", "id of the dead letter")
    .option("--code <code>", "all dead letters of this code that were not replayed yet, the oldest first")
    .option("--unchecked", uncheckedHelp)
    .option("--json", "print the message as it was published, and the batches that it starts or refers to")
    .addHelpText("after", "\nExample:\n  baton replay --code DELIVERY_EXHAUSTED")
    .action(async (deadLetterId: string | undefined, options: Options) => {
      const { code } = options;
      if ((deadLetterId === undefined) === (code === undefined))
        throw new BatonError("USAGE", "Give either the id of a dead letter, or --code");
      if (deadLetterId !== undefined) await replayOne(session, deadLetterId, options);
      if (code !== undefined) await replayAll(session, code, options);
    });
}

async function replayOne(
  session: Session,
  deadLetterId: string,
  { unchecked, json }: Options,
): Promise<void> {
  const { replayDeadLetter } = await import("../../composition/publish.ts");
  await withApp(session, async (app) => {
    const options = { isUnchecked: unchecked === true };
    const published = await namingWorkflows(session, app, () => replayDeadLetter(app, deadLetterId, options));
    if (json) return session.json({ deadLetterId, ...published });
    session.print(`Published again: ${publishedText(published)}.`);
    session.print(`${whoWorks(app)} handles it.`);
  });
}

/** One that would be refused again does not keep the others back; it stays, and the exit code says so. */
async function replayAll(session: Session, code: string, { unchecked, json }: Options): Promise<void> {
  if (!Object.hasOwn(errorCatalog, code))
    throw new BatonError("USAGE", `There is no code ${code}; \`baton dead-letters\` shows those there are`);
  await withApp(session, async (app) => {
    const ids = await idsOf(session, app, code);
    const replayed: Replayed[] = [];
    const failed: Refused[] = [];
    for (const [index, deadLetterId] of ids.entries()) {
      const outcome = await tryReplay(app, deadLetterId, { isUnchecked: unchecked === true });
      if ("error" in outcome) failed.push(outcome);
      else replayed.push(outcome);
      const line = `${index + 1} of ${ids.length}: ${deadLetterId} ${outcomeText(outcome)}`;
      if (json) session.note(line);
      else session.print(line);
    }
    if (failed.length > 0) session.exitCode = failureExitCode;
    if (json) return session.json({ code, replayed, failed });
    const kept = failed.length === 0 ? "" : `, ${failed.length} not: correct that, and repeat the command`;
    session.print(`${replayed.length} of ${ids.length} dead letters ${code} published again${kept}.`);
    if (replayed.length > 0) session.print(`${whoWorks(app)} handles them.`);
  });
}

async function idsOf(session: Session, app: App, code: string): Promise<string[]> {
  const { letters, unreadable } = await app.engine.deadLetters.list();
  noteUnreadable(session, unreadable);
  return letters
    .filter((letter) => letter.code === code && letter.replayedAt === null)
    .map(({ deadLetterId }) => deadLetterId)
    .reverse();
}

interface Replayed extends Published {
  readonly deadLetterId: string;
}

interface Refused {
  readonly deadLetterId: string;
  readonly error: { readonly code: string; readonly message: string };
}

async function tryReplay(
  app: App,
  deadLetterId: string,
  options: PublishOptions,
): Promise<Replayed | Refused> {
  const { replayDeadLetter } = await import("../../composition/publish.ts");
  try {
    return { deadLetterId, ...(await replayDeadLetter(app, deadLetterId, options)) };
  } catch (thrown) {
    const code = thrown instanceof BatonError ? thrown.code : "INTERNAL";
    return { deadLetterId, error: { code, message: messageOf(thrown) } };
  }
}

function outcomeText(outcome: Replayed | Refused): string {
  if ("error" in outcome)
    return `not published: ${oneLine(`${outcome.error.code}: ${outcome.error.message}`)}`;
  return `published again: ${publishedText(outcome)}`;
}
