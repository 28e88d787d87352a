// What SQLite alone needs for a workload: for each task a claim, an end and two events, each a statement of its own, in
// a file that is configured as Baton's. The ends of up to 50 tasks and the claims of the next 50 share a transaction,
// as they do in Baton. There is no recovery, lease, retry or input: no engine can be faster with these statements.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { temporaryFolder } from "./machine.js";
import { measureRounds } from "./rounds.js";
import { workloadNamed } from "./workloads.js";

const { values } = parseArgs({
  options: {
    workload: { type: "string", default: "W1" },
    durability: { type: "string", default: "full" },
    rounds: { type: "string", default: "20" },
    "warm-up": { type: "string", default: "0" },
  },
});
const concurrency = 50;
const leaseMs = 60_000;
const workload = workloadNamed(values.workload);
const data = temporaryFolder();
const database = new DatabaseSync(join(data, "floor.sqlite"));
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = ${values.durability === "full" ? "FULL" : "NORMAL"};
  PRAGMA wal_autocheckpoint = 4000;
  PRAGMA cache_size = -4096;
  CREATE TABLE tasks (
    batch_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    lease_until INTEGER,
    claimed_at INTEGER NOT NULL,
    ended_at INTEGER,
    result TEXT,
    PRIMARY KEY (batch_id, task_id)
  );
  CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    batch_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL
  );
`);
const claim = database.prepare(
  "INSERT INTO tasks (batch_id, task_id, status, attempt, lease_until, claimed_at) VALUES (?, ?, 'RUNNING', 1, ?, ?)",
);
const end = database.prepare(
  "UPDATE tasks SET status = 'SUCCESS', lease_until = NULL, ended_at = ?, result = ? WHERE batch_id = ? AND task_id = ?",
);
const note = database.prepare(
  "INSERT INTO events (batch_id, task_id, kind, at, data) VALUES (?, ?, ?, ?, ?)",
);
const begin = database.prepare("BEGIN IMMEDIATE");
const commit = database.prepare("COMMIT");

const position = new Map(workload.tasks.map(([id], index) => [id, index]));
const children = workload.tasks.map(() => []);
const parentCounts = workload.tasks.map(([, after]) => after.length);
workload.tasks.forEach(([, after], index) => {
  for (const parent of after) children[position.get(parent)].push(index);
});

const measured = await measureRounds({
  run: async () => runBatches(),
  tasks: workload.tasks.length * workload.batches,
  rounds: Number(values.rounds),
  warmUpSeconds: Number(values["warm-up"]),
});
database.close();
console.log(JSON.stringify(measured));

function runBatches() {
  const ready = [];
  for (let started = 0; started < workload.batches; started++) {
    const batch = { id: randomUUID(), left: [...parentCounts] };
    batch.left.forEach((parents, task) => {
      if (parents === 0) ready.push({ batch, task });
    });
  }
  let running = [];
  for (let next = 0; running.length > 0 || next < ready.length; ) {
    begin.run();
    for (const { batch, task } of running) {
      endTask(batch.id, workload.tasks[task][0]);
      for (const child of children[task]) if (--batch.left[child] === 0) ready.push({ batch, task: child });
    }
    running = ready.slice(next, next + concurrency);
    next += running.length;
    for (const { batch, task } of running) claimTask(batch.id, workload.tasks[task][0]);
    commit.run();
  }
}

function claimTask(batchId, taskId) {
  const now = Date.now();
  claim.run(batchId, taskId, now + leaseMs, now);
  note.run(batchId, taskId, "claimed", now, JSON.stringify({ attempt: 1 }));
}

function endTask(batchId, taskId) {
  const now = Date.now();
  end.run(now, JSON.stringify(null), batchId, taskId);
  note.run(batchId, taskId, "ended", now, JSON.stringify({ status: "SUCCESS" }));
}
