import { expect, test } from "vitest";
import { deriveScheduleId, type Schedule } from "../../src/core/schedule/schedule.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { AppliedWorkflows } from "../../src/engine/records/applied-workflows.ts";
import { ConflictError } from "../../src/ports/store.ts";
import { testApp } from "../support/app.ts";
import { firstTime, withStore } from "../support/faults.ts";

const schedule: Schedule = { type: "schedule", cron: "* * * * *", timeZone: "UTC", missed: "catch_up" };
const key = { collection: "schedules", id: deriveScheduleId("often", schedule) } as const;
const source = `workflow: often
on: [{ schedule: "* * * * *", missed: catch_up }]
tasks:
  - { id: one, type: runQuery, with: { sql: SELECT 1 AS one, into: ones } }
`;

/** An app with the workflow applied and its schedule seen, and what its engine runs on. */
async function scheduled() {
  const given: Dependencies[] = [];
  const around = (plain: Dependencies) => {
    given.push(plain);
    return plain;
  };
  const app = testApp({ around, environment: { BATON_WORKFLOWS: "test/cloud/workflows" } });
  const [dependencies] = given;
  if (!dependencies) throw new Error("An app has dependencies");
  await app.applied.apply("often", source);
  await app.engine.tick();
  expect((await dependencies.store.get(key)).document).toBeDefined();
  return { app, dependencies, store: dependencies.store };
}

test("a schedule that is removed with its workflow starts from then on when that is applied again", async () => {
  const { app, store } = await scheduled();
  expect(await app.applied.remove("often", [schedule])).toBe(true);
  expect((await store.get(key)).document).toBeUndefined();
  expect(await app.applied.find("often")).toBeUndefined();
  expect(await app.applied.remove("often", [schedule])).toBe(false);
  await app.engine.tick();
  expect((await store.get(key)).document).toBeUndefined();
});

test("a schedule that is taken over keeps its cursor", async () => {
  const { app, store } = await scheduled();
  await app.applied.remove("often", []);
  expect((await store.get(key)).document).toBeDefined();
});

test("applied again in that moment, it is removed as it then is", async () => {
  const { app, dependencies } = await scheduled();
  const isFirst = firstTime();
  const replaced = withStore(dependencies, (store) => ({
    commit: async (writes) => {
      if (isFirst()) await app.applied.apply("often", source);
      return store.commit(writes);
    },
  }));
  expect(await new AppliedWorkflows(replaced).remove("often", [schedule])).toBe(true);
  expect(await app.applied.find("often")).toBeUndefined();
});

test("a delete that conflicts with its own first write has removed the document", async () => {
  const { dependencies } = await scheduled();
  const replaced = withStore(dependencies, (store) => ({
    commit: async (writes) => {
      await store.commit(writes);
      throw new ConflictError("sent twice");
    },
  }));
  expect(await new AppliedWorkflows(replaced).remove("often", [schedule])).toBe(true);
});
