import { AsyncLocalStorage } from "node:async_hooks";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { promisify } from "node:util";

/** The world as the code of one run sees it. */
export interface CodeWorld {
  now(): number;
  after(delayMs: number, callback: () => void): () => void;
  /** At least 0, and less than 1. */
  random(): number;
  fetch(request: Request): Promise<Response>;
}

const current = new AsyncLocalStorage<CodeWorld | undefined>();

/** Runs code for which time, chance and `fetch` are those of the world. */
export function insideWorld<T>(world: CodeWorld, code: () => T): T {
  return current.run(world, code);
}

/** Runs the part of a call that is not the task's own code. */
export function outsideWorld<T>(work: () => T): T {
  return current.run(undefined, work);
}

/** What `setTimeout` returns inside a world. */
class VirtualTimer {
  readonly #cancel: () => void;

  constructor(cancel: () => void) {
    this.#cancel = cancel;
  }

  cancel(): void {
    this.#cancel();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.cancel();
  }
}

type Callback = (...parameters: unknown[]) => void;

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  fetch: globalThis.fetch,
  random: Math.random,
  randomUUID: crypto.randomUUID,
  randomBytes: crypto.randomBytes,
  getRandomValues: crypto.getRandomValues,
  performanceNow: performance.now.bind(performance),
  sleep: timersPromises.setTimeout,
};

const VirtualDate: DateConstructor = new Proxy(real.Date, {
  construct(target, parameters, newTarget) {
    const world = parameters.length === 0 ? current.getStore() : undefined;
    const given = world ? [world.now()] : parameters;
    return Reflect.construct(target, given, newTarget === VirtualDate ? target : newTarget);
  },
  apply: () => new VirtualDate().toString(),
  get(target, name) {
    if (name === "now") return virtualNow;
    return Reflect.get(target, name, target);
  },
});

function virtualNow(): number {
  return current.getStore()?.now() ?? real.Date.now();
}

function virtualTimeout(callback: Callback, delayMs = 0, ...parameters: unknown[]) {
  const world = current.getStore();
  if (!world) return real.setTimeout(callback, delayMs, ...parameters);
  return new VirtualTimer(world.after(delayMs, () => current.run(world, () => callback(...parameters))));
}

function virtualInterval(callback: Callback, delayMs = 0, ...parameters: unknown[]) {
  const world = current.getStore();
  if (!world) return real.setInterval(callback, delayMs, ...parameters);
  let cancel = () => {};
  const next = () => {
    cancel = world.after(Math.max(delayMs, 1), () => {
      next();
      current.run(world, () => callback(...parameters));
    });
  };
  next();
  return new VirtualTimer(() => cancel());
}

function clearVirtual(timer: NodeJS.Timeout | VirtualTimer | undefined): void {
  if (timer instanceof VirtualTimer) timer.cancel();
  else real.clearTimeout(timer);
}

async function virtualSleep(delayMs = 0, value?: unknown, options: { signal?: AbortSignal } = {}) {
  const world = current.getStore();
  if (!world) return real.sleep(delayMs, value, options);
  const { signal } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const cancel = world.after(delayMs, () => resolve(value));
    signal?.addEventListener("abort", () => {
      cancel();
      const aborted = new Error("The operation was aborted", { cause: signal.reason });
      reject(Object.assign(aborted, { name: "AbortError", code: "ABORT_ERR" }));
    });
  });
}

async function virtualFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const world = current.getStore();
  return world ? world.fetch(new Request(input, init)) : real.fetch(input, init);
}

function virtualRandom(): number {
  return current.getStore()?.random() ?? real.random();
}

/** A version 4 UUID of the world's chance. */
function virtualUuid(...parameters: Parameters<typeof crypto.randomUUID>) {
  const world = current.getStore();
  if (!world) return real.randomUUID(...parameters);
  const digits = Array.from({ length: 32 }, () => Math.floor(world.random() * 16).toString(16)).join("");
  const group = (from: number, to: number) => digits.slice(from, to);
  return `${group(0, 8)}-${group(8, 12)}-4${group(13, 16)}-8${group(17, 20)}-${group(20, 32)}`;
}

/** `promisify(setTimeout)` sleeps. */
Object.defineProperty(virtualTimeout, promisify.custom, { value: virtualSleep });

type BytesCallback = (error: Error | null, bytes: Buffer) => void;

function virtualBytes(size: number, callback?: BytesCallback): Buffer | undefined {
  const world = current.getStore();
  if (!world) return callback ? void real.randomBytes(size, callback) : real.randomBytes(size);
  const bytes = Buffer.from(Array.from({ length: size }, () => Math.floor(world.random() * 256)));
  if (!callback) return bytes;
  queueMicrotask(() => callback(null, bytes));
  return undefined;
}

function virtualValues<Values extends NodeJS.TypedArray>(values: Values): Values {
  if (!current.getStore()) return real.getRandomValues(values);
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(
    virtualBytes(values.byteLength) ?? [],
  );
  return values;
}

function virtualPerformance(): number {
  return current.getStore()?.now() ?? real.performanceNow();
}

let installations = 0;

/** Puts time, chance and `fetch` into the hands of worlds. Code outside of a world notices nothing. */
export function installVirtualGlobals(): void {
  installations += 1;
  if (installations > 1) return;
  const timing = { setTimeout: virtualTimeout, clearTimeout: clearVirtual };
  const intervals = { setInterval: virtualInterval, clearInterval: clearVirtual };
  Object.assign(globalThis, { ...timing, ...intervals, Date: VirtualDate, fetch: virtualFetch });
  Object.assign(Math, { random: virtualRandom });
  Object.assign(timers, { ...timing, ...intervals });
  Object.assign(timersPromises, { setTimeout: virtualSleep });
  Object.assign(crypto, { randomUUID: virtualUuid, randomBytes: virtualBytes });
  for (const [name, value] of Object.entries({ randomUUID: virtualUuid, getRandomValues: virtualValues }))
    Object.defineProperty(globalThis.crypto, name, { value, configurable: true });
  Object.defineProperty(performance, "now", { value: virtualPerformance, configurable: true });
  syncBuiltinESMExports();
}

export function removeVirtualGlobals(): void {
  installations -= 1;
  if (installations > 0) return;
  const { Date: date, fetch, random, sleep, randomUUID, randomBytes } = real;
  const { setTimeout, clearTimeout, setInterval, clearInterval } = real;
  const functions = { setTimeout, clearTimeout, setInterval, clearInterval };
  Object.assign(globalThis, { ...functions, Date: date, fetch });
  Object.assign(Math, { random });
  Object.assign(timers, functions);
  Object.assign(timersPromises, { setTimeout: sleep });
  Object.assign(crypto, { randomUUID, randomBytes });
  for (const name of ["randomUUID", "getRandomValues"]) Reflect.deleteProperty(globalThis.crypto, name);
  Reflect.deleteProperty(performance, "now");
  syncBuiltinESMExports();
}
