import { isUtf8 } from "node:buffer";
import type { Command } from "commander";
import type { App } from "../../app/app.ts";
import type { PublishOptions, PublishResult } from "../../app/publish.ts";
import { errorCatalog } from "../../core/errors/error-catalog.ts";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { isoTime } from "../../core/values/time.ts";
import type { ListedDeadLetter } from "../../engine/dead-letters.ts";
import type { PreviewedBatch } from "../../engine/queries/preview.ts";
import { readBytes } from "../arguments.ts";
import { oneLine, table, workerMode } from "../output/text.ts";
import { failureExitCode, type Session } from "../session.ts";
import { reportCorruptDocuments, withApp, withKnownWorkflows } from "../with-app.ts";

/** The effect of a published message, to follow `Published: `. */
function publishedText(published: PublishResult): string {
  const { message, batchId, batches } = published;
  if (batches === null) return batchId === null ? "unchecked" : `unchecked, for batch ${batchId}`;
  switch (message.kind) {
    case "start":
      return batches.map(startText).join("; ");
    case "object":
      if (batches.length > 0) return batches.map(startText).join("; ");
      return oneLine(`no workflow matches ${message.bucket}/${message.object}: it starts nothing`);
    case "callback":
      return `it sends callback ${message.callbackId}, if that is still pending`;
    case "sweep":
      return "it sweeps running batches";
    case "tick":
      return "it checks the schedules";
    default:
      return batches.map(addressedText).join("; ");
  }
}

function startText({ batchId, status }: PreviewedBatch): string {
  if (status === null) return `it starts batch ${batchId}`;
  return `batch ${batchId} was started before and is ${status}: nothing is started again`;
}

function addressedText({ batchId, status }: PreviewedBatch): string {
  if (status === "RUNNING") return `it is for batch ${batchId}`;
  return `batch ${batchId} has ended ${status}: nothing changes`;
}

interface MessageOptions {
  readonly unchecked?: true;
  readonly json?: true;
}

const uncheckedHelp = "publish it without the check here: the deployed workflows may be newer";

export function registerPublish(program: Command, session: Session): void {
  program
    .command("publish")
    .description("publish a message, as it could be posted to the HTTP entry")
    .argument("<json|@file|->", "the message, a file of it, or - for standard input")
    .option("--unchecked", uncheckedHelp)
    .option("--json", "print the message as it was published, and the batches that it starts or refers to")
    .addHelpText("after", `\nExample:\n  baton publish '{"workflowId":"greet","input":{"name":"Ada"}}'`)
    .action((argument: string, options: MessageOptions) => publish(session, argument, options));
}

async function publish(
  session: Session,
  argument: string,
  { unchecked, json }: MessageOptions,
): Promise<void> {
  const body = await readBytes(session, argument);
  const { publishBody } = await import("../../app/publish.ts");
  await withApp(
    session,
    async (app) => {
      const options = { isUnchecked: unchecked === true };
      const published = await withKnownWorkflows(session, app, () => publishBody(app, body, options));
      if (json) return session.json(published);
      session.print(`Published: ${publishedText(published)}.`);
      session.print(`${workerMode(app)} handles it.`);
    },
    "creates",
  );
}

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
    if (json) session.json(letters.map(deadLetterJson));
    else session.print(deadLetterTable(letters));
    reportCorruptDocuments(session, unreadable);
  });
}

async function show(session: Session, deadLetterId: string, { json }: Options): Promise<void> {
  await withApp(session, async ({ engine: { deadLetters } }) => {
    const letter = await deadLetters.read(deadLetterId);
    const bytes = await deadLetters.bodyOf(letter);
    const body = isUtf8(bytes) ? new TextDecoder().decode(bytes) : null;
    const { nonce: _, ...shown } = letter;
    if (json) return session.json({ ...deadLetterJson(shown), body });
    session.print(deadLetterTable([shown]));
    session.print(`\nwhat to do: ${letter.remedy}`);
    session.print(`\n${body === null ? `${bytes.byteLength} bytes that are not text` : oneLine(body)}`);
  });
}

function deadLetterTable(letters: readonly ListedDeadLetter[]): string {
  const rows = letters.map(({ deadLetterId, receivedAt, replayedAt, code, message }) => [
    deadLetterId,
    isoTime(receivedAt),
    replayedAt === null ? "no" : "yes",
    `${code}: ${message}`,
  ]);
  return table(["DEAD LETTER", "RECEIVED", "REPLAYED", "PROBLEM"], rows);
}

function deadLetterJson(letter: ListedDeadLetter) {
  const { receivedAt, replayedAt } = letter;
  return {
    ...letter,
    receivedAt: isoTime(receivedAt),
    replayedAt: replayedAt === null ? null : isoTime(replayedAt),
  };
}

interface ReplayOptions {
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
    .action(async (deadLetterId: string | undefined, options: ReplayOptions) => {
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
  { unchecked, json }: ReplayOptions,
): Promise<void> {
  const { actions } = await import("../../app/actions.ts");
  await withApp(session, async (app) => {
    const options = { isUnchecked: unchecked === true };
    const published = await withKnownWorkflows(session, app, () =>
      actions.replay.perform(app, { deadLetterId, ...options }),
    );
    if (json) return session.json({ deadLetterId, ...published });
    session.print(`Published again: ${publishedText(published)}.`);
    session.print(`${workerMode(app)} handles it.`);
  });
}

/** A dead letter that would fail again does not stop the others. It stays, and the exit code is not 0. */
async function replayAll(session: Session, code: string, { unchecked, json }: ReplayOptions): Promise<void> {
  if (!Object.hasOwn(errorCatalog, code))
    throw new BatonError("USAGE", `There is no code ${code}; \`baton dead-letters\` shows the codes in use`);
  await withApp(session, async (app) => {
    const ids = await unreplayedIds(session, app, code);
    const replayed: Replayed[] = [];
    const failed: FailedReplay[] = [];
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
    const failedText =
      failed.length === 0 ? "" : `, ${failed.length} not: correct the errors, and repeat the command`;
    session.print(`${replayed.length} of ${ids.length} dead letters ${code} published again${failedText}.`);
    if (replayed.length > 0) session.print(`${workerMode(app)} handles them.`);
  });
}

async function unreplayedIds(session: Session, app: App, code: string): Promise<string[]> {
  const { letters, unreadable } = await app.engine.deadLetters.list();
  reportCorruptDocuments(session, unreadable);
  return letters
    .filter((letter) => letter.code === code && letter.replayedAt === null)
    .map(({ deadLetterId }) => deadLetterId)
    .reverse();
}

interface Replayed extends PublishResult {
  readonly deadLetterId: string;
}

interface FailedReplay {
  readonly deadLetterId: string;
  readonly error: { readonly code: string; readonly message: string };
}

async function tryReplay(
  app: App,
  deadLetterId: string,
  options: PublishOptions,
): Promise<Replayed | FailedReplay> {
  const { actions } = await import("../../app/actions.ts");
  try {
    return { deadLetterId, ...(await actions.replay.perform(app, { deadLetterId, ...options })) };
  } catch (thrown) {
    const code = thrown instanceof BatonError ? thrown.code : "INTERNAL";
    return { deadLetterId, error: { code, message: errorMessage(thrown) } };
  }
}

function outcomeText(outcome: Replayed | FailedReplay): string {
  if ("error" in outcome)
    return `not published: ${oneLine(`${outcome.error.code}: ${outcome.error.message}`)}`;
  return `published again: ${publishedText(outcome)}`;
}
