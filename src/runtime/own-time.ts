import type { Clock } from "../ports/clock.ts";
import type { Turn } from "../ports/task-time.ts";

/**
 * How finely the time of a task is counted: while another task keeps the whole process busy, no more than one part
 * passes.
 */
const parts = 20;

/**
 * Counts down the time that is a task's own. It stands still while the task waits for a turn and has none: what it
 * shares with others may take them longer than it may take itself.
 */
export class OwnTime {
  readonly #clock: Clock;
  readonly #partMs: number;
  readonly #whenOver: () => void;
  #leftMs: number;
  #waiting = 0;
  #working = 0;
  #isOver = false;
  #stop: (() => void) | undefined;

  constructor(clock: Clock, ms: number, whenOver: () => void) {
    this.#clock = clock;
    this.#partMs = ms / parts;
    this.#leftMs = ms;
    this.#whenOver = whenOver;
    this.#go();
  }

  askForTurn(): Turn {
    let [waiting, working] = [1, 0];
    this.#change(waiting, working);
    const become = (nextWaiting: number, nextWorking: number) => {
      this.#change(nextWaiting - waiting, nextWorking - working);
      [waiting, working] = [nextWaiting, nextWorking];
    };
    return { begins: () => become(0, 1), ends: () => become(0, 0) };
  }

  /** Stops all callbacks. */
  end(): void {
    this.#isOver = true;
    this.#stop?.();
  }

  #change(waiting: number, working: number): void {
    this.#waiting += waiting;
    this.#working += working;
    if (this.#waiting === 0 || this.#working > 0) this.#go();
    else this.#stop?.();
  }

  #go(): void {
    if (this.#isOver || this.#stop) return;
    if (this.#leftMs <= 0) {
      this.end();
      this.#whenOver();
      return;
    }
    const began = this.#clock.monotonicMs();
    const partMs = Math.min(this.#partMs, this.#leftMs);
    const cancel = this.#clock.after(partMs, () => this.#pass(partMs));
    this.#stop = () => {
      cancel();
      this.#stop = undefined;
      this.#leftMs -= Math.min(this.#clock.monotonicMs() - began, partMs);
    };
  }

  #pass(ms: number): void {
    this.#stop = undefined;
    this.#leftMs -= ms;
    this.#go();
  }
}
