/** What was waited for did not come. */
export class NoAnswerError extends Error {}

/**
 * What the work comes to; throws a `NoAnswerError` when that takes longer. The work itself goes on: this is for clients that can't be told to
 * stop, and wait for ever by themselves. (Those of BigQuery and Cloud Storage have an option for it, which does nothing.)
 */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new NoAnswerError(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
