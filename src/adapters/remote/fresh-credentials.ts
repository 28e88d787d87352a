/**
 * Asks once more, with credentials that are fetched again, when the service does not take those that it was shown:
 * they may have run out, or been withdrawn, since they were fetched.
 */
export async function withFreshCredentials<Answer>(
  ask: () => Promise<Answer>,
  { isRefused, refresh }: { isRefused(thrown: unknown): boolean; refresh(): void },
): Promise<Answer> {
  try {
    return await ask();
  } catch (thrown) {
    if (!isRefused(thrown)) throw thrown;
    refresh();
    return ask();
  }
}
