import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { until, type Workplace } from "../support/command.ts";
import { enrich } from "../support/command-workflows.ts";
import { callbackReceiver, type ReceivedCallback } from "../support/receiver.ts";
import { jsonOf, key, runEnrich, runsIn, workplace } from "./enrich-place.ts";

/** Verifies as a receiver does, with the secret that the docs let it copy. */
function verify(place: Workplace, { body, headers }: ReceivedCallback): unknown {
  const secret = readFileSync(place.path("data/callback-secret"), "utf8").trim();
  return new Webhook(secret).verify(body, headers);
}

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
