import { randomUUID } from "node:crypto";
import type { Meter } from "../kit/meter.ts";

export interface StoredRefresh {
  readonly requestId: string;
  readonly refreshType: "ViaApi" | "ViaEnhancedApi" | "Scheduled";
  readonly startTime: string;
  readonly options: Readonly<Record<string, unknown>>;
  status: string;
  extendedStatus?: string;
  endTime?: string;
  serviceExceptionJson?: string;
  /** How often the history was asked for while it ran. */
  polls: number;
}

/** How a refresh ends by itself, once the history was asked for so often. */
export interface Ending {
  readonly afterPolls: number;
  readonly status: "Completed" | "Failed" | "Disabled" | "Cancelled";
  /** Of a failed one: what `serviceExceptionJson` holds. */
  readonly exception?: object;
}

/** One semantic model: one refresh at a time, and a limited number in a day. */
export class Dataset {
  readonly refreshes: StoredRefresh[] = [];
  ending: Ending | undefined;
  readonly #dayLimit: number;
  readonly #meter: Meter;

  constructor(meter: Meter, dayLimit: number, ending: Ending | undefined) {
    this.#meter = meter;
    this.#dayLimit = dayLimit;
    this.ending = ending;
  }

  /** The first that runs. */
  get running(): StoredRefresh | undefined {
    return this.refreshes.find(isRunning);
  }

  start(
    options: Readonly<Record<string, unknown>>,
    type?: StoredRefresh["refreshType"],
  ): StoredRefresh | "busy" | "day_limit" {
    if (this.running) return "busy";
    if (this.refreshes.length >= this.#dayLimit) return "day_limit";
    this.#meter.add("power_bi_refreshes");
    const enhanced = Object.keys(options).some((name) => name !== "notifyOption");
    const refresh: StoredRefresh = {
      requestId: randomUUID(),
      refreshType: type ?? (enhanced ? "ViaEnhancedApi" : "ViaApi"),
      startTime: new Date(Date.UTC(2026, 10, 2, 8, 0, this.refreshes.length)).toISOString(),
      options,
      status: "Unknown",
      ...(enhanced && { extendedStatus: "InProgress" }),
      polls: 0,
    };
    this.refreshes.push(refresh);
    return refresh;
  }

  /** The newest first, as it is asked for. */
  history(top: number): readonly StoredRefresh[] {
    for (const refresh of this.refreshes.filter(isRunning)) {
      refresh.polls += 1;
      if (this.ending && refresh.polls > this.ending.afterPolls) this.finish(refresh, this.ending);
    }
    return this.refreshes.toReversed().slice(0, top);
  }

  finish(refresh: StoredRefresh, { status, exception }: Omit<Ending, "afterPolls">): void {
    refresh.status = status;
    if (refresh.extendedStatus !== undefined) refresh.extendedStatus = status;
    refresh.endTime = new Date(Date.parse(refresh.startTime) + 500).toISOString();
    if (exception) refresh.serviceExceptionJson = JSON.stringify(exception);
  }
}

function isRunning({ endTime }: StoredRefresh): boolean {
  return endTime === undefined;
}
