/** Something that the simulation found in the engine, and a seed that shows it as long as it is not mended. */
export interface Finding {
  /** The mutant that brings it back. */
  readonly mutant: string;
  readonly seed: number;
}

/** A change of the simulator moves seeds: `npm run simulate -- --mutants --only "<mutant>"` gives a new one. */
export const findings: readonly Finding[] = [
  { mutant: "a crash after an ending from outside loses the callback until the sweep", seed: 10_753 },
  { mutant: "a crash after the end loses the callback until the sweep", seed: 41 },
  { mutant: "a lost write of a callback is taken for somebody else's", seed: 10359 },
  { mutant: "an event that came while the parker died is missed", seed: 17994 },
  { mutant: "a half cancel is overtaken by the end of its batch", seed: 6423 },
  { mutant: "inherited although the rule is another", seed: 9774 },
  { mutant: "a store that fails fails the task: parents", seed: 102 },
  { mutant: "a store that fails fails the task: steps", seed: 2 },
  { mutant: "an ending from outside takes the lock anew, for less", seed: 3 },
  { mutant: "a resend that is refused once costs the lease", seed: 13946 },
];
