import { errorMessage, TaskError } from "../core/errors/errors.ts";
import type { TaskContext } from "../runtime/task-type.ts";

/**
 * Remote work is done in rounds: a round starts one remote job and waits for it. The stored steps of a failed round
 * would make every later attempt end the same way, so a later attempt finds the round over and starts the next. The
 * name of each step contains the number of its round.
 */
export interface Round {
  readonly number: number;
  /**
   * Started by another batch with the same idempotency key. Its job is used while it runs or if it has succeeded.
   * Nothing more is started in this round, and its failures do not count for this batch.
   */
  readonly inherited: boolean;
}

/** What a round returns that had already failed. */
export const isRoundOver = Symbol("this round is over");

/** Runs round after round, until one is not already over. */
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

/** Ends a failed round: throws its error, unless an earlier attempt has already failed with it. */
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

/** Polls a service. While it is unreachable, there is no state yet. */
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

/** The result of `wait`, or the error of a wait that took too long. */
export async function withAttemptDeadline<Result>(wait: Promise<Result>): Promise<Result | TaskError> {
  try {
    return await wait;
  } catch (error) {
    if (error instanceof TaskError && error.code === "POLL_TIMEOUT") return error;
    throw error;
  }
}
