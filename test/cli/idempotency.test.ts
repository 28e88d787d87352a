import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { enrich, locked } from "../support/command-workflows.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { jsonOf, key, runEnrich, runsIn, workplace } from "./enrich-place.ts";

test("the same call a second time does not run, and explain says why", async () => {
  const place = workplace({ "enrich.ts": enrich });
  const receiver = await callbackReceiver();
  const first = await runEnrich(place, receiver);
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: "" });
  // It has been sent when `run` ends: nothing else is there to send it.
  expect(receiver.received).toHaveLength(1);
  const second = await runEnrich(place, receiver);
  expect(second.json.tasks).toMatchObject([{ reason: "already_completed", result: { items: 2 }, key }]);
  expect(receiver.received).toHaveLength(2);
  expect(runsIn(place)).toBe("j1\n");

  const shown = await place.baton(["show", first.json.batchId]);
  expect(shown.stdout).toContain(`\nwork\n  key         ${key}\n  counters    items 2\n`);
  expect(shown.stdout).toContain("  warning     one was odd\n  error       one was lost\n");

  const output = await place.baton(["explain", key]);
  expect(output.code).toBe(0);
  expect(output.stdout).toContain(
    `SUCCESS: done by attempt 1 of task work in batch ${first.json.batchId}; the result is cached until `,
  );
  expect(output.stdout).toMatch(/^next call +does not run: it gets the stored result \(already_completed\)/m);
  expect(output.stdout).toMatch(/^look up +\S+Z +\{"found":"j1"\}$/m);
  expect(output.stdout).toMatch(/^callback evt_\w+ {2}task\.completed of \S+Z {2}DELIVERED, resent once$/m);
  const asJson = jsonOf(await place.baton(["explain", key, "--json"]));
  expect(asJson).toMatchObject({
    key,
    state: "SUCCESS",
    token: 1,
    generation: expect.any(String),
    lock: null,
    result: { value: { items: 2 }, until: expect.stringMatching(/Z$/) },
    producedBy: { batchId: first.json.batchId, taskId: "work", attempt: 1 },
    lastFailure: null,
    nextCall: { runs: false },
    steps: [{ name: "look up", kind: "value", value: '{"found":"j1"}' }],
    callbacks: [
      {
        type: "task.completed",
        state: "DELIVERED",
        resends: 1,
        archived: true,
        url: receiver.url,
        failures: 0,
      },
    ],
  });
});

test("an unknown key is compared with the stored ones", async () => {
  const place = workplace({ "enrich.ts": enrich });
  await runEnrich(place, await callbackReceiver());
  for (const command of [["explain"], ["unlock"], ["clear-result"], ["resend", "--key"]]) {
    const { code, stderr } = await place.baton([...command, "enrich/work?job_id=j2"]);
    expect([command, code]).toEqual([command, 2]);
    expect(stderr).toMatch(/^error EXECUTION_UNKNOWN: .*job_id=j2; similar keys: enrich\/work\?job_id=j1$/m);
  }
  expect((await place.baton(["explain", "other"])).stderr).not.toContain("there are");
});

test("a failure is explained, and the next call continues after its steps", async () => {
  const place = workplace({ "enrich.ts": enrich });
  const receiver = await callbackReceiver();
  place.write("broken", "");
  expect((await runEnrich(place, receiver)).code).toBe(1);
  const { stdout } = await place.baton(["explain", key]);
  expect(stdout).toMatch(
    /^state +FREE: not done: attempt 1 of task work in batch \S+ failed; its stored steps/m,
  );
  expect(stdout).toMatch(/^last failure +TASK_FAILED: it is broken \(/m);
  expect(stdout).toMatch(/^next call +runs, and continues after the stored steps$/m);
  expect(JSON.parse(receiver.received[0]?.body ?? "")).toMatchObject({ type: "task.failed" });
});

test("clear-result makes the call run again; a second one has nothing to clear", async () => {
  const place = workplace({ "enrich.ts": enrich });
  const receiver = await callbackReceiver();
  await runEnrich(place, receiver);
  const cleared = await place.baton(["clear-result", key]);
  expect(cleared).toMatchObject({ code: 0, stdout: expect.stringContaining("Deleted the result and steps") });
  const again = await place.baton(["clear-result", key, "--json"]);
  expect(jsonOf(again)).toEqual({ key, cleared: false });
  const { stdout } = await place.baton(["explain", key]);
  expect(stdout).toMatch(/^state +FREE: last done by .*; no result is cached$/m);
  expect(stdout).toMatch(/^next call +runs from the beginning$/m);
  await runEnrich(place, receiver);
  expect(runsIn(place)).toBe("j1\nj1\n");
});

test("the lock of a killed process is listed, explained, not cleared, and freed", async () => {
  const place = workplace({ "locked.ts": locked });
  const lock = "locked/hold?id=7";
  const holder = place.spawn(["run", "locked", "--input", '{"id":7}']);
  await holder.saysOut("hold  PROCESSING");
  const skipped = await place.baton(["run", "locked", "--input", '{"id":7}', "--json"]);
  expect(skipped.json.tasks).toMatchObject([{ status: "SKIPPED", reason: "lock_held" }]);
  holder.signal("SIGKILL");
  await holder.ended;

  expect(jsonOf(await place.baton(["inspect", "locks", "--json"]))).toMatchObject([
    {
      key: lock,
      taskId: "hold",
      attempt: 1,
      worker: expect.any(String),
      until: expect.any(String),
      isOver: false,
    },
  ]);
  expect((await place.baton(["inspect", "locks"])).stdout).toMatch(
    /^locked\/hold\?id=7 +locked-\S+ +hold +1 /m,
  );
  expect((await place.baton(["inspect", "active"])).stdout).toMatch(/^locked-\S+ +hold +PROCESSING +1 /m);
  expect(jsonOf(await place.baton(["inspect", "active", "--json"]))).toMatchObject([
    { taskId: "hold", status: "PROCESSING", reason: null, attempt: 1, key: lock, due: expect.any(String) },
  ]);
  const { stdout } = await place.baton(["explain", lock]);
  expect(stdout).toMatch(/^state +PROCESSING: attempt 1 of task hold in batch \S+ holds the lock until /m);
  expect(stdout).toMatch(/^next call +does not run now: it waits for the lock, or is SKIPPED/m);
  const refused = await place.baton(["clear-result", lock]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error EXECUTION_LOCKED: /) });
  expect(refused.stderr).toContain("baton unlock");

  const freed = await place.baton(["unlock", lock]);
  expect(freed).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("It was held by attempt 1 of task hold"),
  });
  expect(jsonOf(await place.baton(["unlock", lock, "--json"]))).toEqual({
    key: lock,
    unlocked: false,
    holder: null,
  });
  place.write("gate", "");
  const next = await place.baton(["run", "locked", "--input", '{"id":7}', "--json"]);
  expect(next.json.tasks).toMatchObject([{ status: "SUCCESS", reason: null, result: "held" }]);
});

test("inspect registered, stats and results; a corrupt document hides nothing else", async () => {
  const place = workplace({ "enrich.ts": enrich, "locked.ts": locked });
  await runEnrich(place, await callbackReceiver());
  await runEnrich(place, await callbackReceiver(), { account_id: "a1" });
  const registered = await place.baton(["inspect", "registered"]);
  expect(registered.stdout).toMatch(/^enrich +work +function +slow +one attempt +by job_id, account_id\? /m);
  expect(registered.stdout).toMatch(/^slow +2 at once, 30 per /m);
  expect(jsonOf(await place.baton(["inspect", "registered", "--json"]))).toMatchObject({
    workflows: [
      {
        workflowId: "enrich",
        tasks: [
          {
            taskId: "work",
            queue: "slow",
            idempotency: { scope: "global" },
            callback: { url: expect.any(String) },
          },
        ],
        triggers: [],
      },
      { workflowId: "locked", tasks: [{ taskId: "hold", callback: null }] },
    ],
    queues: [
      { queue: "default", concurrency: 50, rate: null, isConfigured: false },
      { queue: "idle", concurrency: 1, rate: null, isConfigured: true },
      { queue: "slow", concurrency: 2, rate: { messages: 30, perSeconds: 60 }, isConfigured: true },
    ],
  });
  await place.baton(["run", "enrich", "--input", '{"job_id":"j3","url":"http://localhost/"}', "--detach"]);
  const stats = await place.baton(["inspect", "stats"]);
  expect(stats.stdout).toMatch(/^execution records +FREE +0\n +PROCESSING +0\n +SUCCESS +2$/m);
  expect(jsonOf(await place.baton(["inspect", "stats", "--json"]))).toMatchObject({
    batches: { RUNNING: 1, SUCCESS: 2, ERROR: 0, CANCELLED: 0 },
    executions: { FREE: 0, PROCESSING: 0, SUCCESS: 2 },
    callbacks: { PENDING: 0, DELIVERED: 2, GIVEN_UP: 0 },
    deadLetters: { total: 0, notReplayed: 0 },
    unreadable: 0,
    queues: [{ queue: "slow", messages: 1, due: 1 }],
  });

  const results = await place.baton(["inspect", "results", "--limit", "1"]);
  expect(results.stdout).toMatch(
    /^enrich\/work\?job_id=j1\S* +enrich-\S+ +work +1 +\S+Z +\S+Z +\{"items":2\}$/m,
  );
  expect(results.stderr).toBe("There are more: raise --limit.\n");
  const database = new DatabaseSync(place.path("data/baton.sqlite"));
  database.exec(
    `UPDATE executions SET data = json_set(data, '$.dueSeconds', 'never') WHERE data ->> 'key' LIKE '%account_id=a1'`,
  );
  database.close();
  const readable = await place.baton(["inspect", "results", "--json"]);
  expect(jsonOf(readable)).toEqual([
    {
      key,
      producedBy: expect.objectContaining({ taskId: "work", attempt: 1, endedAt: expect.any(String) }),
      until: expect.any(String),
      result: '{"items":2}',
    },
  ]);
  expect(readable).toMatchObject({ code: 0, stderr: expect.stringContaining("1 documents can't be read") });
});
