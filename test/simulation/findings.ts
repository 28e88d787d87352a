/** Something that the simulation found in the engine, and a seed that shows it as long as it is not fixed. */
export interface Finding {
  /** The mutant that restores it. */
  readonly mutant: string;
  readonly seed: number;
}

/** A change of the simulator moves seeds: `npm run simulate -- --mutants --only "<mutant>"` gives a new one. */
export const findings: readonly Finding[] = [
  { mutant: "a crash after an ending from outside loses the callback until the sweep", seed: 10_753 },
  { mutant: "a crash after the end loses the callback until the sweep", seed: 41 },
  { mutant: "a lost write of a callback counts as another sender's", seed: 10225 },
  { mutant: "an event is missed when the worker that parked its task died", seed: 17994 },
  { mutant: "the batch ends in the middle of a cancel", seed: 1473 },
  { mutant: "a success is inherited although its task has another rule now", seed: 9774 },
  { mutant: "a store error fails the task that reads its parents", seed: 102 },
  { mutant: "a store error fails the task that stores a step", seed: 2 },
  { mutant: "a completion takes the lock of its parked task again, for a shorter time", seed: 3 },
  { mutant: "a resend that is refused once costs the lease", seed: 13946 },
];
