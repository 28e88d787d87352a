import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { Schedule } from "../../src/core/schedule/schedule.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { Scheduled, schedule, workflow } from "../../src/index.ts";
import type { DocumentStore, Write } from "../../src/ports/store.ts";
import { type TestAppOptions, testApp } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

export const at = (text: string) => Date.parse(text);

export const hourMs = 3_600_000;

export const atSix = { type: "schedule", cron: "0 6 * * *", timeZone: "Europe/Paris" } as const;

/** At six in Paris, which is 05:00 UTC in November. */
export function daily(missed: Schedule["missed"] = "skip", id = "daily") {
  const trigger = schedule(atSix.cron, { timeZone: atSix.timeZone, missed });
  return workflow(id, { input: Scheduled, on: [trigger] }).task("a", ({ input }) => input.date);
}

/** An app for whose schedules it is `clock.now`, by the clock of the store. */
export function appAt(
  clock: { now: number },
  options: TestAppOptions,
  replace: (store: DocumentStore) => Partial<DocumentStore> = () => ({}),
): EmbeddedApp {
  const { around = (dependencies: Dependencies) => dependencies } = options;
  return testApp({
    ...options,
    around: (plain) =>
      around(
        withStore(plain, (store) => ({
          get: async (key) => {
            const snapshot = await store.get(key);
            return key.collection === "schedules" ? { ...snapshot, readTime: clock.now } : snapshot;
          },
          ...replace(store),
        })),
      ),
  });
}

export function tick(app: EmbeddedApp) {
  return app.deliveries.deliver({ message: { kind: "tick" }, deliveryAttempt: 1 });
}

/** What has started the batches there are, oldest first. */
export async function startedBy(app: EmbeddedApp, workflowId = "daily"): Promise<string[]> {
  return (await app.engine.admin.list({ workflowId })).map((batch) => batch.startedBy).sort();
}

export function creates(writes: readonly Write[]): boolean {
  return writes.some(({ kind, key }) => kind === "create" && key.collection === "batches");
}

export const firstSeen = at("2026-11-20T12:00:00Z");

export const slot = at("2026-11-21T05:00:00Z");

/** A schedule that was first seen the day before, at a moment when its slot is due. */
export async function due(
  ...[options, replace]: [TestAppOptions, ((store: DocumentStore) => Partial<DocumentStore>)?]
) {
  const clock = { now: firstSeen };
  const app = appAt(clock, options, replace);
  await tick(app);
  clock.now = slot + 30_000;
  return { clock, app };
}
