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

  has(member: Member): boolean {
    return this.#members[member.position] === member;
  }

  /** In no order. */
  all(): readonly Member[] {
    return [...this.#members];
  }
}

/** Something that is done when its time comes, in the async context in which the alarm was created. */
export abstract class Alarm extends AsyncResource {
  position = -1;
  /** When it rings, by the monotonic clock. Infinity: not at all. */
  abstract readonly at: number;
  protected abstract onTime(now: number): void;

  ring(now: number): void {
    this.runInAsyncScope(this.onTime, this, now);
  }
}

/**
 * Many alarms on one timer of the clock. Each run has one, and nearly all of them are removed long before they ring: a
 * timer of Node for each would cost more time and memory than the rest of the run. For the same reason the timer stays
 * set when the alarm that it was set for is removed. It does not keep the process alive.
 */
export class SharedTimer<Member extends Alarm = Alarm> {
  readonly #clock: Pick<Clock, "monotonicMs" | "after">;
  readonly #alarms = new ActiveSet<Member>();
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

  add(alarm: Member): void {
    this.#alarms.add(alarm);
    this.notice(alarm.at);
  }

  delete(alarm: Member): void {
    this.#alarms.delete(alarm);
  }

  /** All alarms, in no order. */
  all(): readonly Member[] {
    return this.#alarms.all();
  }

  /** An alarm rings at this time, which may be earlier than before. */
  notice(at: number): void {
    if (at < this.#firesAt) this.#setTimer(at);
  }

  #setTimer(at: number): void {
    this.#cancelTimer();
    this.#firesAt = at;
    const delayMs = at - this.#clock.monotonicMs();
    const isBackground = true;
    this.#cancelTimer = this.#outside(() => this.#clock.after(delayMs, () => this.#fire(), isBackground));
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonicMs();
    const due = this.all()
      .filter(({ at }) => at <= now)
      .sort((one, other) => one.at - other.at);
    try {
      // An alarm that rings may remove or move another one.
      for (const alarm of due) if (this.#alarms.has(alarm) && alarm.at <= now) alarm.ring(now);
    } finally {
      this.notice(Math.min(...this.all().map(({ at }) => at)));
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
  readonly #timer: Pick<SharedTimer, "monotonicMs" | "notice">;
  readonly #sliceMs: number;
  #leftMs: number;
  #waitingTurns = 0;
  #activeTurns = 0;
  #sliceEndsAt: number;

  /** Starts the first slice. */
  constructor(timer: Pick<SharedTimer, "monotonicMs" | "notice">, ms: number) {
    this.#timer = timer;
    this.#sliceMs = ms / timerSlices;
    this.#leftMs = ms;
    this.#sliceEndsAt = timer.monotonicMs() + this.#sliceMs;
  }

  /** When `endSlice` has to be called. Infinity while it pauses. */
  get sliceEndsAt(): number {
    return this.#sliceEndsAt;
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

  /** Counts the slice that has ended, however late this is noticed. Returns false if no time is left. */
  endSlice(now: number): boolean {
    this.#leftMs -= this.#nextSliceMs;
    this.#sliceEndsAt = this.#leftMs > 0 ? now + this.#nextSliceMs : Number.POSITIVE_INFINITY;
    return this.#leftMs > 0;
  }

  get #nextSliceMs(): number {
    return Math.min(this.#sliceMs, this.#leftMs);
  }

  #updateTurns(waiting: number, active: number): void {
    this.#waitingTurns += waiting;
    this.#activeTurns += active;
    const counts = this.#waitingTurns === 0 || this.#activeTurns > 0;
    const isPaused = this.#sliceEndsAt === Number.POSITIVE_INFINITY;
    if (counts && isPaused) this.#resume();
    if (!counts && !isPaused) this.#pause();
  }

  #pause(): void {
    const unusedMs = Math.max(0, this.#sliceEndsAt - this.#timer.monotonicMs());
    this.#leftMs -= this.#nextSliceMs - unusedMs;
    this.#sliceEndsAt = Number.POSITIVE_INFINITY;
  }

  #resume(): void {
    if (this.#leftMs <= 0) return;
    this.#sliceEndsAt = this.#timer.monotonicMs() + this.#nextSliceMs;
    this.#timer.notice(this.#sliceEndsAt);
  }
}
