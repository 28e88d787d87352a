import { AsyncLocalStorage } from "node:async_hooks";
import { encodeJson } from "../../core/values/json.ts";
import type { TaskContext } from "../../runtime/task-type.ts";
import type { Process } from "../world/process.ts";
import type { RealWork, RunningCode } from "./real-work.ts";

/** How a repeated effect is recognised by the service. */
export type Protection =
  /** A repetition changes nothing: it reads, or replaces what it wrote. */
  | { readonly kind: "harmless" }
  /** The service recognises a repetition by this key. */
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "none" };

/** What a call of a service does. */
export interface EffectDescription {
  /** For people: `POST https://pay.example/charges`. Two calls that mean the same have the same text. */
  readonly what: string;
  readonly protection: Protection;
}

/** A call of a service that was carried out. */
export interface Effect extends EffectDescription {
  /** The step around it. */
  readonly step: string | undefined;
  /** Which of the equal calls of this step, or outside of steps, it is: 0 for the first. */
  readonly occurrence: number;
  readonly at: number;
  /** Whether the run had been interrupted when the code made the call. */
  readonly isAfterAbort: boolean;
}

export type RunEnding =
  /** `json` is undefined, and `problem` says why, if the value is not JSON. */
  | { readonly kind: "returned"; readonly json: string | undefined; readonly problem?: string }
  | { readonly kind: "threw"; readonly error: unknown }
  /** The task left its worker to wait. */
  | { readonly kind: "parked" };

/** What is noted while the code of a task runs. */
export interface RunObserver {
  started(run: WatchedRun): void;
  effect(run: WatchedRun, effect: Effect): void;
  stepDone(run: WatchedRun, name: string): void;
  aborted(run: WatchedRun): void;
  ended(run: WatchedRun): void;
}

/** The step in which the current code runs. */
const currentStep = new AsyncLocalStorage<{ readonly name: string; readonly isLook: boolean }>();

const pendingEffect = new AsyncLocalStorage<() => void>();

/** Makes a call of a service. `carriedOut` is called in the moment the service carries it out. */
export function withPendingEffect<T>(carriedOut: () => void, call: () => T): T {
  return pendingEffect.run(carriedOut, call);
}

/** Called by a service when a call reaches it. Returns what to call when it carries the call out. */
export function takePendingEffect(): () => void {
  return pendingEffect.getStore() ?? (() => undefined);
}

/** One run of a task's function: an attempt, or its continuation after a wait. */
export class WatchedRun implements RunningCode {
  readonly batchId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly process: Process;
  /** Names of steps and waits, in the order in which the code reached them. */
  readonly reached: string[] = [];
  readonly stepsDone: string[] = [];
  readonly effects: Effect[] = [];
  ending: RunEnding | undefined;
  /** By the time of the world. */
  abortedAt: number | undefined;
  endedAt: number | undefined;
  /** How long it waited for answers of calls after its abort. */
  waitedAfterAbortMs = 0;
  /** Waits, for a time or an event, that it has reached and that are not over. */
  waits = 0;
  /** Timers that it has set. */
  timers = 0;
  readsClock = false;
  usesChance = false;
  /** A service failed, so that the code may have taken another way. */
  hadFailedCall = false;
  readonly #work: RealWork;
  readonly #observer: RunObserver;
  readonly #counts = new Map<string, number>();
  /** How many threads of its code are not waiting for the world. */
  #threads = 1;

  constructor(context: TaskContext, process: Process, work: RealWork, observer: RunObserver) {
    const { batchId, taskId, attempt, idempotencyKey, signal } = context;
    this.batchId = batchId;
    this.taskId = taskId;
    this.attempt = attempt;
    this.idempotencyKey = idempotencyKey;
    this.process = process;
    this.#work = work;
    this.#observer = observer;
    signal.addEventListener("abort", () => this.#abort());
    work.begin(this);
    observer.started(this);
  }

  get isActive(): boolean {
    return this.ending === undefined && this.process.isAlive && this.#threads > 0;
  }

  /** It waits for a call, or has left its worker. */
  get isWaiting(): boolean {
    return this.#threads <= 0;
  }

  get hasTimer(): boolean {
    return this.timers > 0;
  }

  /** Calls back after a time of the world. Returns a function that cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void {
    let isSet = true;
    this.timers += 1;
    const unset = () => {
      if (isSet) this.timers -= 1;
      isSet = false;
    };
    const cancel = this.process.after(Math.max(1, delayMs), () => {
      unset();
      this.#work.wake(this);
      callback();
    });
    return () => {
      unset();
      cancel();
    };
  }

  get now(): number {
    return this.process.monotonicMs();
  }

  /** The code waits for the answer of a call. */
  async waitFor<T>(answer: Promise<T> | T): Promise<T> {
    this.#threads -= 1;
    const calledAt = this.now;
    try {
      return await answer;
    } finally {
      this.#threads += 1;
      if (this.abortedAt !== undefined)
        this.waitedAfterAbortMs += this.now - Math.max(calledAt, this.abortedAt);
      this.#work.wake(this);
    }
  }

  /** Runs the work of a step, or the look of a poll: code of the task inside a call. */
  async stepWork<T>(name: string, work: () => Promise<T> | T, isLook = false): Promise<T> {
    this.#threads += 1;
    this.#work.wake(this);
    try {
      return await currentStep.run({ name, isLook }, work);
    } finally {
      this.#threads -= 1;
    }
  }

  reachStep(name: string): void {
    this.reached.push(name);
  }

  finishStep(name: string): void {
    this.stepsDone.push(name);
    this.#observer.stepDone(this, name);
  }

  /** The code calls a service. Returns what to note when the call has been carried out. */
  beginEffect(description: EffectDescription): () => void {
    const around = currentStep.getStore();
    const step = around?.name;
    const slot = `${step ?? ""}\n${description.what}`;
    const occurrence = this.#counts.get(slot) ?? 0;
    this.#counts.set(slot, occurrence + 1);
    const isAfterAbort = this.abortedAt !== undefined;
    return () => {
      // A poll looks again and again: what it asks is asked more than once by design.
      const protection = around?.isLook ? ({ kind: "harmless" } as const) : description.protection;
      const effect = { ...description, protection, step, occurrence, isAfterAbort, at: this.now };
      this.effects.push(effect);
      this.#observer.effect(this, effect);
    };
  }

  /** The function has returned, thrown, or reached a wait. Only the first ending counts. */
  end(ending: RunEnding): void {
    if (this.ending) return;
    this.ending = ending;
    this.endedAt = this.now;
    this.#work.end(this);
    this.#observer.ended(this);
  }

  returned(value: unknown): void {
    const encoded = encodeJson(value);
    if (encoded.ok) this.end({ kind: "returned", json: encoded.text });
    else this.end({ kind: "returned", json: undefined, problem: `${encoded.path}: ${encoded.problem}` });
  }

  #abort(): void {
    this.abortedAt = this.now;
    this.#work.wake(this);
    this.#observer.aborted(this);
  }
}

/** Notes nothing. */
export const noObserver: RunObserver = {
  started: () => undefined,
  effect: () => undefined,
  stepDone: () => undefined,
  aborted: () => undefined,
  ended: () => undefined,
};
