/** A turn at something that tasks share, from the moment it is asked for. */
export interface Turn {
  /** The wait is over: what follows is the task's own time. */
  begins(): void;
  /** It is over, or is waited for no longer. */
  ends(): void;
}

/**
 * The time of the task whose code is running. Time in which it only waits for what others have is not its own, and
 * does not count for its timeout.
 */
export interface TaskTime {
  /** The timeout of the task that asks stands still until its turn begins. Outside of a task nothing is counted. */
  askForTurn(): Turn;
}

/** For what is used outside of tasks. */
export const countsNoTime: TaskTime = {
  askForTurn: () => ({ begins() {}, ends() {} }),
};
