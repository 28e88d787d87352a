import { isUtf8 } from "node:buffer";
import type { Command } from "commander";
import { isoTime } from "../../core/time.ts";
import type { ListedDeadLetter } from "../../engine/dead-letters.ts";
import { noteUnreadable } from "../note-unreadable.ts";
import { oneLine, table } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface Options {
  readonly json?: true;
}

export function registerDeadLetters(program: Command, session: Session): void {
  program
    .command("dead-letters")
    .description("list messages that could not be handled, newest first, or show one with its body")
    .argument("[deadLetterId]", "id of the dead letter to show")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton dead-letters --json")
    .action((deadLetterId: string | undefined, options: Options) =>
      deadLetterId === undefined ? list(session, options) : show(session, deadLetterId, options),
    );
}

async function list(session: Session, { json }: Options): Promise<void> {
  await withApp(session, async (app) => {
    const { letters, unreadable } = await app.engine.deadLetters.list();
    if (json) session.json(letters.map(jsonOf));
    else session.print(tableOf(letters));
    noteUnreadable(session, unreadable);
  });
}

async function show(session: Session, deadLetterId: string, { json }: Options): Promise<void> {
  await withApp(session, async ({ engine: { deadLetters } }) => {
    const letter = await deadLetters.read(deadLetterId);
    const bytes = await deadLetters.bodyOf(letter);
    const body = isUtf8(bytes) ? new TextDecoder().decode(bytes) : null;
    const { nonce: _, ...shown } = letter;
    if (json) return session.json({ ...jsonOf(shown), body });
    session.print(tableOf([shown]));
    session.print(`\nwhat to do: ${letter.remedy}`);
    session.print(`\n${body === null ? `${bytes.byteLength} bytes, no text` : oneLine(body)}`);
  });
}

function tableOf(letters: readonly ListedDeadLetter[]): string {
  const rows = letters.map(({ deadLetterId, receivedAt, replayedAt, code, message }) => [
    deadLetterId,
    isoTime(receivedAt),
    replayedAt === null ? "no" : "yes",
    `${code}: ${message}`,
  ]);
  return table(["DEAD LETTER", "RECEIVED", "REPLAYED", "PROBLEM"], rows);
}

function jsonOf(letter: ListedDeadLetter) {
  const { receivedAt, replayedAt } = letter;
  return {
    ...letter,
    receivedAt: isoTime(receivedAt),
    replayedAt: replayedAt === null ? null : isoTime(replayedAt),
  };
}
