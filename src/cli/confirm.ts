import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BatonError } from "../core/errors.ts";
import type { Session } from "./session.ts";

/** Asks on standard error, and reads a line from standard input. Throws `USAGE` when it is not the answer that is wanted. */
export async function confirm(session: Session, question: string, wanted: readonly string[]): Promise<void> {
  session.note(question);
  const answer = await readLine(session.input());
  if (!wanted.includes(answer.trim()))
    throw new BatonError(
      "USAGE",
      `Nothing was changed: the answer was not ${wanted[0]}; --yes asks for none`,
    );
}

/** Nothing, where nobody answers. */
async function readLine(input: Readable): Promise<string> {
  const lines = createInterface({ input });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
    input.destroy();
  }
}
