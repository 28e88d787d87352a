import { workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const key = "flow/work?id=1";

export const input = { id: 1 };

export const byId = { key: { fields: ["id"] } } as const;

/** A workflow of one task that is the same call in every batch. */
export const keyedFlow = (work: (context: TaskContext) => unknown, policies = {}, idempotency = {}) =>
  workflow("flow").task("work", work, { idempotency: { ...byId, ...idempotency }, ...policies });
