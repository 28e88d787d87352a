import * as z from "zod";
import { workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import type { ReceivedCallback } from "../support/receiver.ts";

export const environment = { BATON_HTTP_ALLOW_PRIVATE: "true" };
export const key = "flow/work?id=1";

/** A workflow of one task that is the same call in every batch, and reports to the address in its input. */
export const flowOf = (work: (context: TaskContext) => unknown, policies = {}) =>
  workflow("flow").task("work", work, {
    idempotency: { key: { fields: ["id"] } },
    callback: { url: "{{ input.url }}" },
    ...policies,
  });

const BodySchema = z.object({
  id: z.string(),
  type: z.string(),
  page: z.int(),
  totalPages: z.int(),
  data: z.unknown(),
});
export const bodyOf = (received: ReceivedCallback | undefined) =>
  BodySchema.parse(JSON.parse(received?.body ?? "null"));
export const idOf = (received: ReceivedCallback) => received.headers["webhook-id"];

/** The bodies received under each webhook-id. */
export function bodiesById(received: readonly ReceivedCallback[]): Map<string | undefined, Set<string>> {
  const bodies = new Map<string | undefined, Set<string>>();
  for (const callback of received)
    bodies.set(idOf(callback), (bodies.get(idOf(callback)) ?? new Set()).add(callback.body));
  return bodies;
}

/** About 700 KB: three pages. */
export const large = { text: 'ä"\\ 日本\n'.repeat(35_000) };
