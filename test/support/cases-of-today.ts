/**
 * Where tests that try some of many cases begin. It is the day, so that each day tries others; `test/support/build.ts`
 * prints it, and BATON_TEST_SEED repeats a day.
 */
export const seedOfToday = Number(process.env.BATON_TEST_SEED ?? Math.floor(Date.now() / 86_400_000));

/** `npm run test:long` tries all cases. */
export const triesAllCases = process.env.BATON_TEST_CASES === "all";

/** About `count` of the cases, evenly spread. All of them have their turn in as many days as the spread is wide. */
export function casesOfToday<Case>(cases: readonly Case[], count: number): readonly Case[] {
  if (triesAllCases) return cases;
  const stride = Math.max(1, Math.ceil(cases.length / count));
  return cases.filter((_, index) => index % stride === seedOfToday % stride);
}

/**
 * Which case each call of a piece of work meets, by name: every call meets one, and another one tomorrow. Where all
 * cases are tried, every call meets each of them.
 */
export function casesOfCalls<Case>(
  cases: readonly (readonly [name: string, Case])[],
): readonly (readonly [name: string, (call: number) => Case])[] {
  if (triesAllCases) return cases.map(([name, one]) => [name, () => one]);
  const caseOf = (call: number) => {
    const found = cases[(call + seedOfToday) % cases.length];
    if (!found) throw new RangeError("There are no cases");
    return found[1];
  };
  return [["another at each call", caseOf]];
}
