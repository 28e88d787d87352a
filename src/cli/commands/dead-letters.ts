import { isUtf8 } from "node:buffer";
import type { Command } from "commander";
import type { DeadLetter } from "../../core/records.ts";
import { table } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerDeadLetters(program: Command, session: Session): void {
  program
    .command("dead-letters")
    .description("list messages that could not be handled, newest first")
    .option("--json", "print JSON")
    .action(({ json }: { readonly json?: true }) =>
      withApp(session, async (app) => {
        const letters = await app.engine.deadLetters.list();
        if (json) return session.json(letters.map(jsonOf));
        const rows = letters.map(({ deadLetterId, receivedAt, replayedAt, code, message }) => [
          deadLetterId,
          new Date(receivedAt).toISOString(),
          replayedAt === null ? "no" : "yes",
          `${code}: ${message}`,
        ]);
        session.print(table(["DEAD LETTER", "RECEIVED", "REPLAYED", "PROBLEM"], rows));
      }),
    );
}

function jsonOf({ nonce: _, body, receivedAt, replayedAt, ...letter }: DeadLetter) {
  const bytes = Buffer.from(body ?? "", "base64");
  return {
    ...letter,
    body: body !== null && isUtf8(bytes) ? bytes.toString("utf8") : null,
    receivedAt: new Date(receivedAt).toISOString(),
    replayedAt: replayedAt === null ? null : new Date(replayedAt).toISOString(),
  };
}
