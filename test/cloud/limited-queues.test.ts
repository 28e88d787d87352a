import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/app.ts";
import { workflowOf } from "../support/graphs.ts";
import { startFront } from "./front.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { cloudInProcess } from "./in-process.ts";
import { limited } from "./workflows/limited.ts";
import { limitedQueuePath, projectId, startCloud } from "./world.ts";

/** The function in two processes of its own, behind one address; two tasks of the queue `narrow` may run at once. */
async function deployed({ isHeld = false, lease = "10m" } = {}) {
  const [port, one, other] = [await freePort(), await freePort(), await freePort()];
  const front = await startFront(port, [one, other]);
  onTestFinished(() => front.close());
  const cloud = await startCloud({ pushUrl: front.url, queues: ["open"], limits: "narrow=2", lease });
  onTestFinished(() => cloud.close());
  const folder = temporaryFolder();
  const effects = `${folder}/effects.txt`;
  const gate = `${folder}/gate`;
  writeFileSync(effects, "");
  const processes = [one, other].map(
    (own) =>
      new FunctionProcess(own, {
        ...cloud.environment,
        BATON_DATA: folder,
        BATON_WORKFLOWS: fileURLToPath(new URL("workflows", import.meta.url)),
        BATON_LOG_LEVEL: "warn",
        TEST_EFFECTS: effects,
        ...(isHeld && { TEST_GATE: gate }),
      }),
  );
  onTestFinished(async () => {
    await Promise.all(processes.map((fn) => fn.kill()));
  });
  await Promise.all(processes.map((fn) => fn.start()));
  const app = cloud.open([limited]);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "limited" });
  return { cloud, app, processes, batchId, effects, gate };
}

type Deployed = Awaited<ReturnType<typeof deployed>>;

/** Sweeps every so often, as Cloud Scheduler does. */
async function untilEnded({ app, batchId }: Deployed): Promise<void> {
  let sweptAt = Date.now();
  while ((await app.engine.admin.status(batchId)).status === "RUNNING") {
    if (Date.now() - sweptAt > 2_000) {
      sweptAt = Date.now();
      await app.engine.sweep();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const { status, tasks } = await app.engine.admin.show(batchId);
  expect(tasks.filter((task) => task.status !== "SUCCESS")).toEqual([]);
  expect(status).toBe("SUCCESS");
}

interface Work {
  /** Pieces that are under way: process, task and attempt. */
  readonly running: readonly string[];
  /** The most there were at once. */
  readonly most: number;
  /** How many processes did any. */
  readonly processes: number;
}

/** What was done in the narrow queue so far. */
function narrowWork(effects: string): Work {
  let running: readonly string[] = [];
  const workers = new Set<string>();
  const gone = new Set<string>();
  let most = 0;
  for (const [what = "", worker = "", ...run] of linesOf(effects).map((line) => line.split(" "))) {
    const piece = [worker, ...run].join(" ");
    if (what === "killed") gone.add(worker);
    if (what === "begin") workers.add(worker);
    // The runs of a process died with it.
    running = [...running.filter((other) => other !== piece), ...(what === "begin" ? [piece] : [])].filter(
      (other) => !gone.has(other.split(" ")[0] ?? ""),
    );
    most = Math.max(most, running.length);
  }
  return { running, most, processes: workers.size };
}

function linesOf(effects: string): string[] {
  return readFileSync(effects, "utf8").split("\n").filter(Boolean);
}

test("two tasks of a queue run at once in all processes, retries and sleeps too; other queues don't wait", async () => {
  const place = await deployed();
  await untilEnded(place);
  const { cloud, effects } = place;
  // Those of the other queue could only end together.
  expect(linesOf(effects).filter((line) => line.startsWith("open "))).toHaveLength(5);
  const { most, processes } = narrowWork(effects);
  expect(processes).toBe(2);
  expect(most).toBeLessThanOrEqual(2);
  // Nothing of the queue took another way.
  const topic = `projects/${projectId}/topics/baton-queue-narrow`;
  expect(cloud.pubsub.published().filter((message) => message.topic === topic)).toEqual([]);
  expect(cloud.tasks.dispatches(`projects/${projectId}/locations/europe-west1/queues/baton-timers`)).toEqual(
    [],
  );
  const dispatches = cloud.tasks.dispatches(limitedQueuePath("narrow"));
  // As many as may, and no more.
  const together = dispatches.map(
    ({ begunAt }) =>
      dispatches.filter((other) => other.begunAt <= begunAt && (other.endedAt ?? begunAt) > begunAt).length,
  );
  expect(Math.max(...together)).toBe(2);
  // 15 tasks, one of which was tried three times, and one of which slept.
  expect(dispatches.length).toBeGreaterThanOrEqual(15 + 2 + 1);
});

test("a process that is killed releases its slots: others of the queue begin, and still two run at once", async () => {
  const place = await deployed({ isHeld: true, lease: "3s" });
  const { processes, effects, gate } = place;
  const running = () => narrowWork(effects).running;
  for (const fn of processes) {
    // Nothing comes to its end: only what dies makes room.
    await expect.poll(() => running().length).toBe(2);
    expect(running().some((piece) => piece.startsWith(`${fn.pid} `))).toBe(true);
    appendFileSync(effects, `killed ${fn.pid}\n`);
    await fn.kill();
    await fn.start();
  }
  await expect.poll(() => running().length).toBe(2);
  writeFileSync(gate, "");
  await untilEnded(place);
  expect(narrowWork(effects).most).toBe(2);
});

const six = ["a", "b", "c", "d", "e", "f"];

/** Six tasks of a queue, all of which may run at once. */
function wide(id: string, queue: string, work: () => Promise<null> = async () => null) {
  return workflowOf(
    id,
    six.map((taskId) => [taskId, []]),
    work,
    { queue },
  );
}

/** How many tasks Cloud Tasks begins at once after a pause, at every rate below 50 a second. */
const burst = 10;

test("tasks of a queue with a rate begin as fast as it says once the burst is over", async () => {
  const ids = Array.from({ length: burst + 5 }, (_, index): [string, string[]] => [`t${index}`, []]);
  const flow = workflowOf("paced", ids, async () => null, { queue: "slow" });
  const cloud = await cloudInProcess([flow], { limits: "slow=20@4/s" });
  const batchId = await cloud.run("paced");
  expect(await cloud.app.engine.admin.status(batchId)).toMatchObject({ status: "SUCCESS" });
  const times = cloud.tasks.dispatches(limitedQueuePath("slow")).map(({ begunAt }) => begunAt);
  expect(times).toHaveLength(ids.length);
  const [first = 0] = times;
  times.slice(burst).forEach((at, index) => {
    expect(at - first).toBeGreaterThanOrEqual((index + 1) * 250 - 10);
  });
});

test("where one task runs at once and a rate is given, nothing ever overlaps, from the first one on", async () => {
  const cloud = await cloudInProcess([wide("single", "slow")], { limits: "slow=1@4/s" });
  await cloud.run("single");
  const dispatches = cloud.tasks.dispatches(limitedQueuePath("slow"));
  expect(dispatches).toHaveLength(six.length);
  const ends = dispatches.map(({ endedAt }) => endedAt ?? Number.POSITIVE_INFINITY);
  dispatches.slice(1).forEach(({ begunAt }, index) => {
    expect(begunAt).toBeGreaterThanOrEqual(ends[index] ?? Number.POSITIVE_INFINITY);
  });
});

test("a task of such a queue costs one task of Cloud Tasks and one request, and no message of its own", async () => {
  const cloud = await cloudInProcess([wide("priced", "narrow")], { limits: "narrow=2" });
  await cloud.run("priced");
  for (const { meter } of [cloud.tasks, cloud.pubsub]) meter.reset();
  await cloud.run("priced");
  expect(cloud.tasks.meter.of("tasks_created")).toBe(six.length);
  expect(cloud.tasks.meter.of("task_dispatches")).toBe(six.length);
  // The ends of the tasks, and of the batch.
  expect(cloud.pubsub.meter.of("messages_published")).toBe(six.length + 1);
});

test("sweeps do not lengthen the line: what waits for its turn is not put there again", async () => {
  const gate = Promise.withResolvers<null>();
  let started = 0;
  const work = () => {
    started += 1;
    return gate.promise;
  };
  const cloud = await cloudInProcess([wide("queued", "narrow", work)], { limits: "narrow=1" });
  const { batchId } = await cloud.app.engine.start({ kind: "start", workflowId: "queued" });
  await expect.poll(() => started).toBe(1);
  for (let look = 0; look < 3; look += 1) await cloud.app.engine.redrive(batchId);
  expect(cloud.tasks.meter.of("tasks_created")).toBe(six.length);
  gate.resolve(null);
  await cloud.idle();
  expect(await cloud.app.engine.admin.status(batchId)).toMatchObject({ status: "SUCCESS" });
});
