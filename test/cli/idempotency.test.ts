import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { type CommandResult, until, Workplace } from "../support/command.ts";
import { approval, enrich, listening, locked } from "../support/command-workflows.ts";
import { callbackReceiver, type ReceivedCallback, type Receiver } from "../support/receiver.ts";

const environment = { BATON_HTTP_ALLOW_PRIVATE: "true", BATON_QUEUES: "slow=2@30/m,idle=1" };
const key = "enrich/work?job_id=j1";

function workplace(files: Readonly<Record<string, string>>): Workplace {
  return new Workplace(files, environment);
}

function jsonOf({ stdout }: CommandResult): unknown {
  return JSON.parse(stdout);
}

function runEnrich(place: Workplace, { url }: Receiver, more: Readonly<Record<string, string>> = {}) {
  const input = JSON.stringify({ job_id: "j1", url, ...more });
  return place.baton(["run", "enrich", "--input", input, "--json"]);
}

function runsIn(place: Workplace): string {
  return existsSync(place.path("runs")) ? readFileSync(place.path("runs"), "utf8") : "";
}

/** As a receiver would, with the secret that the docs tell it to copy. */
function verify(place: Workplace, { body, headers }: ReceivedCallback): unknown {
  const secret = readFileSync(place.path("data/callback-secret"), "utf8").trim();
  return new Webhook(secret).verify(body, headers);
}

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

test("resend: the same id and the same bytes, by key, by job and by condition, without running", async () => {
  const place = workplace({ "enrich.ts": enrich });
  const receiver = await callbackReceiver();
  await runEnrich(place, receiver);
  await runEnrich(place, receiver, { account_id: "a1" });
  const [original] = receiver.received;
  const ways = [
    ["--key", key],
    ["--event", original?.headers["webhook-id"] ?? ""],
    ["--job-id", "j1"],
    ["--job-id", "j1", "--account-id", "a1"],
    ["--field", "job_id=j1", "--field", "account_id=a1"],
    ["--where", "job_id = 'j1' AND account_id IS NULL", "--table", "enrichment_callbacks"],
  ];
  const numbers: number[] = [];
  for (const way of ways) {
    const before = receiver.received.length;
    const dry = await place.baton(["resend", ...way, "--dry-run"]);
    expect(dry).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("would be sent again"),
    });
    expect(receiver.received).toHaveLength(before);
    const { code, list } = await place.baton(["resend", ...way, "--json"]);
    expect(code).toBe(0);
    expect(list.every((each) => "outcome" in each && each.outcome === "delivered")).toBe(true);
    expect(receiver.received).toHaveLength(before + list.length);
    numbers.push(list.length);
  }
  expect(numbers).toEqual([1, 1, 2, 1, 1, 1]);
  for (const callback of [receiver.received[2], receiver.received.at(-1)]) {
    expect(callback?.body).toBe(original?.body);
    expect(callback?.headers["webhook-id"]).toBe(original?.headers["webhook-id"]);
    expect(callback && verify(place, callback)).toMatchObject({ data: { found: "j1", all: [1, 2] } });
  }
  expect(runsIn(place)).toBe("j1\nj1\n");
});

test("resend: a rejected callback stays pending, a missing one is reported, wrong usage is refused", async () => {
  const place = workplace({ "enrich.ts": enrich });
  let status = 204;
  const receiver = await callbackReceiver(() => status);
  await runEnrich(place, receiver);
  status = 503;
  const refused = await place.baton(["resend", "--key", key]);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/^evt_\w+ {2}not accepted: .*503.*; `baton start` keeps trying$/m);
  expect(jsonOf(await place.baton(["inspect", "stats", "--json"]))).toMatchObject({
    callbacks: { PENDING: 1 },
  });

  const database = new DatabaseSync(place.path("data/baton.sqlite"));
  database.exec("DELETE FROM callbacks");
  database.close();
  const gone = await place.baton(["resend", "--job-id", "j1"]);
  expect(gone).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("archived, but no longer in the store"),
  });

  const wrong: readonly (readonly [readonly string[], string])[] = [
    [[], "USAGE"],
    [["--key", key, "--job-id", "j1"], "USAGE"],
    [["--account-id", "a1"], "USAGE"],
    [["--field", "job_id"], "USAGE"],
    [["--key", key, "--table", "t"], "USAGE"],
    [["--where", "nonsense ="], "SQL_FAILED"],
    [["--field", "missing=1"], "SQL_FAILED"],
    [["--job-id", "j9"], "CALLBACK_UNKNOWN"],
    [["--key", key], "CALLBACK_UNKNOWN"],
  ];
  for (const [parameters, code] of wrong) {
    const result = await place.baton(["resend", ...parameters]);
    expect([parameters, result.code]).toEqual([parameters, 2]);
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: `, "m"));
  }
});

test("run does not wait long for a receiver that rejects, and says what continues", async () => {
  const place = workplace({ "enrich.ts": enrich });
  const receiver = await callbackReceiver((_, index) => (index === 0 ? 500 : 204));
  const { code, stderr, stdout } = await runEnrich(place, receiver);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^The callback evt_\w+ of task work has not been accepted: .*500/m);
  expect(stderr).toContain("`baton start` will send it");
  await place.server();
  await until(() => receiver.received.length === 2);
  expect(JSON.parse(stdout)).toMatchObject({ status: "SUCCESS" });
});

test("run waits for a slow receiver", async () => {
  const place = workplace({ "enrich.ts": enrich });
  // Longer than a process that stops waits for what it has under way.
  const receiver = await callbackReceiver(() => new Promise((resolve) => setTimeout(resolve, 3_000, 204)));
  const { code, stderr } = await runEnrich(place, receiver);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(jsonOf(await place.baton(["explain", key, "--json"]))).toMatchObject({
    callbacks: [{ state: "DELIVERED", archived: true, sends: [{ page: 1, error: null }] }],
  });
});

test("run of an ended batch sends the callback that a dead process left", async () => {
  const place = workplace({ "enrich.ts": enrich });
  const receiver = await callbackReceiver();
  const run = [
    "run",
    "enrich",
    "--input",
    JSON.stringify({ job_id: "j1", url: receiver.url }),
    "--key",
    "once",
  ];
  await place.baton(run);
  // As it is on disk when the process dies right after the commit.
  const database = new DatabaseSync(place.path("data/baton.sqlite"));
  database.exec(`UPDATE callbacks SET state = 'PENDING', data = json_set(data, '$.state', 'PENDING',
    '$.pagesTaken', 0, '$.deliveredAt', NULL, '$.archived', json('false'), '$.sends', json('[]'))`);
  database.exec("DELETE FROM messages");
  database.close();
  expect(await place.baton(run)).toMatchObject({ code: 0, stderr: "" });
  expect(receiver.received).toHaveLength(2);
  expect(runsIn(place)).toBe("j1\n");
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

test("complete: with a result, with an error, before the task waits, and too late", async () => {
  const place = workplace({ "approval.ts": approval });
  const server = await place.server();
  const start = async () => (await place.baton(["run", "approval", "--detach", "--json"])).json.batchId;
  const taskOf = async (batchId: string) => (await place.baton(["show", batchId, "--json"])).json.tasks[0];
  const untilTask = (batchId: string, state: object) =>
    until(async () => {
      const task = await taskOf(batchId);
      return Object.entries(state).every(([name, value]) => Reflect.get(task ?? {}, name) === value);
    });

  const early = await start();
  await untilTask(early, { status: "PROCESSING" });
  const kept = await place.baton(["complete", early, "ask", "--result", '"early"']);
  expect(kept).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("does not wait for its completion yet (PROCESSING): stored"),
  });
  place.write("asked", "");
  await untilTask(early, { status: "SUCCESS", result: "early" });

  const [good, bad] = [await start(), await start()];
  for (const batchId of [good, bad]) await untilTask(batchId, { reason: "completion" });
  place.write("answer.json", '"yes"');
  const done = await place.baton(["complete", good, "ask", "--result", "@answer.json", "--json"]);
  expect(jsonOf(done)).toEqual({
    ...{ batchId: good, taskId: "ask", completed: true, status: "SUCCESS" },
    ...{ reason: null, waitsFor: [] },
  });
  const failed = await place.baton(["complete", bad, "ask", "--error", "refused by Ada"]);
  expect(failed).toMatchObject({ code: 0, stdout: expect.stringContaining("ended ERROR") });
  expect(await taskOf(good)).toMatchObject({ status: "SUCCESS", result: "yes" });
  expect(await taskOf(bad)).toMatchObject({ status: "ERROR", error: { message: "refused by Ada" } });

  const late = await place.baton(["complete", good, "ask", "--result", "1"]);
  expect(late).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error TASK_ENDED: .* SUCCESS\n/) });
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["missing", "ask"], "BATCH_UNKNOWN"],
    [[good, "missing"], "TASK_UNKNOWN"],
    [[good, "ask", "--result", "1", "--error", "no"], "USAGE"],
    [[good, "ask", "--result", "{"], "USAGE"],
  ];
  for (const [parameters, code] of wrong) {
    const result = await place.baton(["complete", ...parameters]);
    expect([parameters, result.code]).toEqual([parameters, 2]);
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: `));
  }
  server.signal("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

test("event: before the task waits, while it does, a second time, and after the end", async () => {
  const place = workplace({ "listening.ts": listening });
  await place.server();
  const start = async () => (await place.baton(["run", "listening", "--detach", "--json"])).json.batchId;
  const show = async (batchId: string) => (await place.baton(["show", batchId, "--json"])).json;
  const ended = (batchId: string) => until(async () => (await show(batchId)).status !== "RUNNING");

  const early = await start();
  const kept = await place.baton(["event", early, "paid", "--payload", '{"euros":5}']);
  expect(kept).toMatchObject({ code: 0, stdout: expect.stringContaining("No task waits for paid now") });
  place.write("listening", "");
  await ended(early);
  expect((await show(early)).tasks).toMatchObject([{ status: "SUCCESS", result: { euros: 5 } }]);

  const waiting = await start();
  await until(async () => (await place.baton(["inspect", "active"])).stdout.includes("WAITING  event"));
  const other = await place.baton(["event", waiting, "other", "--json"]);
  expect(jsonOf(other)).toEqual({
    batchId: waiting,
    event: "other",
    batchStatus: "RUNNING",
    isFirst: true,
    woken: [],
    waiting: [{ taskId: "listen", events: ["paid"] }],
  });
  const mistyped = await place.baton(["event", waiting, "Paid"]);
  expect(mistyped.stdout).toBe(
    [
      "Event Paid is stored.",
      "No task waits for Paid now: a task that waits for it later will find it.",
      "Task listen waits for paid.",
      "Did you mean paid?\n",
    ].join("\n"),
  );
  expect((await place.baton(["show", waiting])).stdout).toMatch(/listen +WAITING +event paid /);
  expect((await show(waiting)).tasks).toMatchObject([{ reason: "event", waitsFor: ["paid"] }]);
  const completed = await place.baton(["complete", waiting, "listen"]);
  expect(completed.stdout).toContain("does not wait for its completion: it waits for the event paid.");
  expect(completed.stdout).toContain(`Send it with: baton event ${waiting} paid`);
  expect(jsonOf(await place.baton(["complete", waiting, "listen", "--json"]))).toEqual({
    ...{ batchId: waiting, taskId: "listen", completed: false, status: "WAITING" },
    ...{ reason: "event", waitsFor: ["paid"] },
  });
  await until(async () => (await place.baton(["inspect", "active"])).stdout.includes("WAITING  event"));
  const woke = await place.baton(["event", waiting, "paid", "--payload", "6"]);
  expect(woke).toMatchObject({ code: 0, stdout: expect.stringContaining("Resumed listen: ") });
  await ended(waiting);
  expect((await show(waiting)).tasks).toMatchObject([{ status: "SUCCESS", result: 6 }]);
  const late = await place.baton(["event", waiting, "paid", "--payload", "7"]);
  expect(late.stdout).toContain("the first one counts");
  expect(late.stdout).toContain("has ended SUCCESS: no task will wait for it");
  for (const [parameters, code] of [
    [["missing", "paid"], "BATCH_UNKNOWN"],
    [[waiting, ""], "USAGE"],
    [[waiting, "paid", "--payload", "{"], "USAGE"],
  ] as const) {
    const result = await place.baton(["event", ...parameters]);
    expect([parameters, result.code]).toEqual([parameters, 2]);
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: `));
  }
});
