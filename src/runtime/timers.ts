import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { Clock } from "../ports/machine.ts";
import type { Turn } from "../ports/task-runner.ts";

/**
 * A set of objects that come and go fast. A Set would leave a chain of old tables behind, through which dead members
 * stay alive until the next full garbage collection: most of the memory of a busy process would be such members.
 */
export class ActiveSet<Member extends { position: number }> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.position = this.#members.length;
    this.#members.push(member);
  }

  /** Returns false if it was no member. */
  delete(member: Member): boolean {
    const { position } = member;
    const last = this.#members[position] === member ? this.#members.pop() : undefined;
    if (!last) return false;
    if (last === member) return true;
    this.#members[position] = last;
    last.position = position;
    return true;
  }

  /** In no order. */
  all(): readonly Member[] {
    return [...this.#members];
  }
}

/** Rings in the async context in which it was set, so that its errors and log lines belong to the same run. */
class Alarm extends AsyncResource {
  position = -1;
  readonly at: number;
  readonly #callback: () => void;

  constructor(at: number, callback: () => void) {
    super("Alarm");
    this.at = at;
    this.#callback = callback;
  }

  ring(): void {
    this.runInAsyncScope(this.#callback);
  }
}

/**
 * Many alarms on one timer of the clock. Each run sets several, and nearly all of them are cancelled long before they
 * ring: a timer of Node for each would cost more time and memory than the rest of the run.
 */
export class SharedTimer implements Pick<Clock, "monotonicMs" | "after"> {
  readonly #clock: Pick<Clock, "monotonicMs" | "after">;
  readonly #alarms = new ActiveSet<Alarm>();
  readonly #outside = AsyncLocalStorage.snapshot();
  /** When the timer of the clock fires. Later than every alarm if it is not set. */
  #firesAt = Number.POSITIVE_INFINITY;
  #cancelTimer = () => {};

  constructor(clock: Pick<Clock, "monotonicMs" | "after">) {
    this.#clock = clock;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    const alarm = new Alarm(this.#clock.monotonicMs() + delayMs, callback);
    this.#alarms.add(alarm);
    if (alarm.at < this.#firesAt) this.#setTimer(alarm.at);
    return () => this.#cancel(alarm);
  }

  /** Without alarms there is no timer either: it would keep the process alive. */
  #cancel(alarm: Alarm): void {
    this.#alarms.delete(alarm);
    if (this.#alarms.size > 0) return;
    this.#cancelTimer();
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #setTimer(at: number): void {
    this.#cancelTimer();
    this.#firesAt = at;
    const delayMs = at - this.#clock.monotonicMs();
    this.#cancelTimer = this.#outside(() => this.#clock.after(delayMs, () => this.#fire()));
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonicMs();
    const due = this.#alarms
      .all()
      .filter(({ at }) => at <= now)
      .sort((one, other) => one.at - other.at);
    try {
      // An alarm that rings may cancel another one.
      for (const alarm of due) if (this.#alarms.delete(alarm)) alarm.ring();
    } finally {
      let next = Number.POSITIVE_INFINITY;
      for (const { at } of this.#alarms.all()) next = Math.min(next, at);
      if (next < this.#firesAt) this.#setTimer(next);
    }
  }
}

/** The timer counts in slices. While another task blocks the process, at most one slice is counted. */
const timerSlices = 20;

/**
 * The timeout of a task. It pauses while the task only waits for its turn at a shared resource, because other tasks may
 * hold that resource for longer than this task's timeout.
 */
export class TaskTimer {
  readonly #clock: Pick<Clock, "monotonicMs" | "after">;
  readonly #sliceMs: number;
  readonly #onExpired: () => void;
  #leftMs: number;
  #waitingTurns = 0;
  #activeTurns = 0;
  #isOver = false;
  #pause: (() => void) | undefined;

  constructor(clock: Pick<Clock, "monotonicMs" | "after">, ms: number, onExpired: () => void) {
    this.#clock = clock;
    this.#sliceMs = ms / timerSlices;
    this.#leftMs = ms;
    this.#onExpired = onExpired;
    this.#startSlice();
  }

  requestTurn(): Turn {
    let [waiting, active] = [1, 0];
    this.#updateTurns(waiting, active);
    const setTurns = (nextWaiting: number, nextActive: number) => {
      this.#updateTurns(nextWaiting - waiting, nextActive - active);
      [waiting, active] = [nextWaiting, nextActive];
    };
    return { begin: () => setTurns(0, 1), end: () => setTurns(0, 0) };
  }

  /** Stops the timer for good. */
  end(): void {
    this.#isOver = true;
    this.#pause?.();
  }

  #updateTurns(waiting: number, active: number): void {
    this.#waitingTurns += waiting;
    this.#activeTurns += active;
    if (this.#waitingTurns === 0 || this.#activeTurns > 0) this.#startSlice();
    else this.#pause?.();
  }

  #startSlice(): void {
    if (this.#isOver || this.#pause) return;
    if (this.#leftMs <= 0) {
      this.end();
      this.#onExpired();
      return;
    }
    const startedAt = this.#clock.monotonicMs();
    const sliceMs = Math.min(this.#sliceMs, this.#leftMs);
    const cancel = this.#clock.after(sliceMs, () => this.#endSlice(sliceMs));
    this.#pause = () => {
      cancel();
      this.#pause = undefined;
      this.#leftMs -= Math.min(this.#clock.monotonicMs() - startedAt, sliceMs);
    };
  }

  #endSlice(ms: number): void {
    this.#pause = undefined;
    this.#leftMs -= ms;
    this.#startSlice();
  }
}
