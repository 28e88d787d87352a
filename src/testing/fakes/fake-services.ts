import { TaskError } from "../../core/errors/errors.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { Dataform, PowerBi } from "../../ports/services.ts";
import type { Warehouse } from "../../ports/warehouse.ts";
import type { Services } from "../../runtime/task-type.ts";
import type { RealWork } from "../code/real-work.ts";
import { takePendingEffect } from "../code/watched-run.ts";
import type { Process } from "../world/process.ts";
import { type FakeAnswer, type HttpFake, httpOf } from "./fake-http.ts";
import { dataformOf, powerBiOf } from "./fake-jobs.ts";
import { MemoryObjects } from "./memory-objects.ts";
import { MemoryWarehouse } from "./memory-warehouse.ts";

/** What answers in place of the services of tasks. */
export interface ServiceFakes {
  readonly http?: HttpFake;
  /** Files by bucket and name: `{ inbox: { "sales/a.csv": "id\n1" } }`. */
  readonly objects?: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>;
  /** Replaces the warehouse in memory. */
  readonly warehouse?: Warehouse;
  /** Methods of Dataform that the test answers itself. Default: everything succeeds at once. */
  readonly dataform?: Partial<Dataform>;
  /** Methods of Power BI that the test answers itself. Default: everything succeeds at once. */
  readonly powerBi?: Partial<PowerBi>;
}

/** A call that a task made to a service. */
export interface ServiceCall {
  readonly service: keyof Services;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

/** The fake services of a world, which all its processes share. */
export class FakeServices {
  readonly objects = new MemoryObjects();
  readonly warehouse: MemoryWarehouse;
  readonly calls: ServiceCall[] = [];
  readonly #work: RealWork;
  readonly #all: Services;

  /** `defaultAnswer`: the answer to HTTP requests that the fake does not know. Default: such a request fails. */
  constructor(fakes: ServiceFakes, work: RealWork, now: () => number, defaultAnswer?: FakeAnswer) {
    this.warehouse = new MemoryWarehouse(this.objects);
    this.#work = work;
    this.#all = {
      http: httpOf(fakes.http, defaultAnswer),
      objects: this.objects,
      warehouse: fakes.warehouse ?? this.warehouse,
      dataform: dataformOf(fakes.dataform, now),
      powerBi: powerBiOf(fakes.powerBi, now),
    };
    for (const [bucket, files] of Object.entries(fakes.objects ?? {}))
      for (const [name, content] of Object.entries(files)) this.objects.put(bucket, name, content);
  }

  /** The services as a process reaches them: over a network that may lose calls and answers. */
  of(process: Process): Services {
    const { http, objects, warehouse, dataform, powerBi } = this.#all;
    return {
      http: this.#port("http", http, process),
      objects: this.#port("objects", objects, process),
      warehouse: this.#port("warehouse", warehouse, process),
      dataform: this.#port("dataform", dataform, process),
      powerBi: this.#port("powerBi", powerBi, process),
    };
  }

  /** The objects that the engine itself uses, such as large results. */
  get engineObjects(): ObjectStore {
    return this.objects;
  }

  #port<Port extends object>(service: keyof Services, port: Port, process: Process): Port {
    return new Proxy(port, {
      get: (target, method) => {
        const member: unknown = Reflect.get(target, method, target);
        if (typeof member !== "function" || typeof method !== "string") return member;
        return (...parameters: unknown[]) =>
          this.#travel({ service, method, parameters }, process, () =>
            Promise.resolve(Reflect.apply(member, target, parameters)),
          );
      },
    });
  }

  async #travel<T>(call: ServiceCall, process: Process, carryOut: () => Promise<T>): Promise<T> {
    const carriedOut = takePendingEffect();
    const signal = signalIn(call.parameters);
    signal?.throwIfAborted();
    const answer = process.call(
      "service",
      () => `${call.service}.${call.method}`,
      () => {
        this.calls.push(call);
        carriedOut();
        const done = this.#work.service(carryOut);
        done.catch(() => undefined);
        return { done };
      },
    );
    const calledAt = process.monotonicMs();
    const { done } = await interruptible(signal, answer.catch(throwLost));
    // After a standstill the answer comes late, so that the worker may notice before that it has lost its lease.
    if (process.hungUntil > calledAt)
      await interruptible(signal, new Promise<void>((resolve) => void process.after(lateAnswerMs, resolve)));
    return interruptible(signal, done);
  }
}

const lateAnswerMs = 500;

function throwLost(cause: unknown): never {
  throw new TaskError("There was no answer", { code: "HTTP_FAILED", cause });
}

/** The signal that a caller passed: as the last parameter, or in the request. */
function signalIn(parameters: readonly unknown[]): AbortSignal | undefined {
  const [first] = parameters;
  const last = parameters.at(-1);
  if (last instanceof AbortSignal) return last;
  const inRequest =
    typeof first === "object" && first !== null && "signal" in first ? first.signal : undefined;
  return inRequest instanceof AbortSignal ? inRequest : undefined;
}

/** A client stops to wait when its signal is aborted. */
function interruptible<T>(signal: AbortSignal | undefined, answer: Promise<T>): Promise<T> {
  if (!signal) return answer;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
