import { errorMessage, TaskError } from "../core/errors/errors.ts";
import type { TaskContext } from "../runtime/task-type.ts";

/**
 * Work elsewhere is done in rounds: a round is one piece of remote work, begun once and waited for. What is stored of a
 * round that came to nothing would make every later try end the same way, so a later try finds it over and begins the
 * next. Each step of a round has its number in its name.
 */
export interface Round {
  readonly number: number;
  /**
   * Begun by another batch, whose call had the same idempotency key. What it has started is taken over as long as it
   * runs or has succeeded; nothing is started in it any more, and its failures are not ours.
   */
  readonly inherited: boolean;
}

/** What a round gives that came to nothing before. */
export const isRoundOver = Symbol("this round is over");

/** Runs round after round, until one is not over. */
export async function withRounds<Result>(
  { step, batchId }: TaskContext,
  run: (round: Round) => Promise<Result | typeof isRoundOver>,
): Promise<Result> {
  for (let number = 1; ; number += 1) {
    const owner = await step(`round ${number}`, () => batchId);
    const result = await run({ number, inherited: owner !== batchId });
    if (result !== isRoundOver) return result;
  }
}

/** Ends a round that came to nothing: throws its error, unless an earlier attempt has already failed with it. */
export async function endRound(
  { step, attempt }: TaskContext,
  { number, inherited }: Round,
  error: TaskError,
): Promise<typeof isRoundOver> {
  if (inherited) return isRoundOver;
  if (!error.retryable) throw error;
  const failed = await step(`over ${number}`, () => attempt);
  if (failed !== attempt) return isRoundOver;
  throw error;
}

/** A look at a service that may be out of reach for a moment: then there is nothing to be seen yet. */
export async function retryUntilDeadline<Seen>(
  { log }: TaskContext,
  look: () => Promise<Seen | undefined>,
): Promise<Seen | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof TaskError && error.retryable)) throw error;
    log.warn("a poll failed; it is repeated", { error: errorMessage(error) });
    return undefined;
  }
}

/** What `wait` gives, or the error of a wait that took too long. */
export async function withAttemptDeadline<Result>(wait: Promise<Result>): Promise<Result | TaskError> {
  try {
    return await wait;
  } catch (error) {
    if (error instanceof TaskError && error.code === "POLL_TIMEOUT") return error;
    throw error;
  }
}
