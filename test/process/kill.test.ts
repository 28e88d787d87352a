import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import { temporaryFolder } from "../support/app.ts";
import { casesOfToday, triesAllCases } from "../support/cases-of-today.ts";
import { seeded } from "../support/chaos.ts";
import { endedWithTest } from "../support/child-process.ts";
import { hoursLater } from "../support/command.ts";
import { inLanes } from "./lanes.ts";

const child = fileURLToPath(new URL("child.ts", import.meta.url));

interface Life {
  readonly killed: boolean;
  readonly output:
    | { readonly crossings: readonly string[]; readonly views: readonly BatchView[] }
    | undefined;
}

/** One life of a worker on the folder. It may be killed as soon as it has started `killAfterRuns` runs. */
function live(folder: string, environment: Record<string, string>, killAfterRuns?: number): Promise<Life> {
  const { promise, resolve, reject } = Promise.withResolvers<Life>();
  const process_ = endedWithTest(() =>
    spawn(process.execPath, [child], {
      env: { ...process.env, BATON_DATA: folder, RUNS_FILE: `${folder}/runs.txt`, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  let output = "";
  process_.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  process_.on("error", reject);
  process_.on("close", (_code, signal) => {
    const killed = signal === "SIGKILL";
    resolve({ killed, output: output === "" ? undefined : JSON.parse(output) });
  });
  if (killAfterRuns === undefined) return promise;
  const last = runCount(folder) + killAfterRuns;
  const look = setInterval(() => {
    if (runCount(folder) >= last) process_.kill("SIGKILL");
  }, 5);
  return promise.finally(() => clearInterval(look));
}

function runCount(folder: string): number {
  return readText(`${folder}/runs.txt`).split("\n").length - 1;
}

/** How often each task has run: "batch task" → attempts in the order they ran. */
function runsIn(folder: string): Map<string, number[]> {
  const runs = new Map<string, number[]>();
  for (const line of readText(`${folder}/runs.txt`).split("\n").filter(Boolean)) {
    const [batchId, taskId, attempt] = line.split(" ");
    const key = `${batchId}/${taskId}`;
    runs.set(key, [...(runs.get(key) ?? []), Number(attempt)]);
  }
  return runs;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

interface StoredLog {
  readonly status: string;
  readonly attempt: number;
}

/** What the file holds while no process has it open. */
function logsIn(folder: string): Map<string, StoredLog> {
  const database = new DatabaseSync(`${folder}/baton.sqlite`);
  try {
    const exists = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'taskLogs'").get();
    const query = "SELECT id, data ->> 'status' AS status, data ->> 'attempt' AS attempt FROM taskLogs";
    const rows = exists ? database.prepare(query).all() : [];
    return new Map(
      rows.map(({ id, status, attempt }) => [
        String(id),
        { status: String(status), attempt: Number(attempt) },
      ]),
    );
  } finally {
    database.close();
  }
}

interface Death {
  readonly logs: ReadonlyMap<string, StoredLog>;
  readonly runs: ReadonlyMap<string, readonly number[]>;
}

/** What design.md section 7 promises, as far as it can be seen in the file and in what the tasks did. */
function expectSound(views: readonly BatchView[], folder: string, deaths: readonly Death[]): void {
  const runs = runsIn(folder);
  for (const view of views) {
    expect(view.status).toBe("SUCCESS");
    for (const task of view.tasks) {
      const id = `${view.batchId}/${task.taskId}`;
      const attempts = runs.get(id) ?? [];
      expect(task.status).toBe("SUCCESS");
      // Attempts only rise, and each number ran at most once: a claim has one winner.
      expect(attempts).toEqual([...new Set(attempts)].sort((one, other) => one - other));
      expect(task.attempts).toBe(attempts.at(-1));
      // The last life gives each task one attempt more at most.
      expect(task.attempts).toBeLessThanOrEqual(1 + (deaths.at(-1)?.logs.get(id)?.attempt ?? 0));
    }
  }
  for (const death of deaths)
    for (const [log, { status }] of death.logs)
      if (status === "SUCCESS")
        expect(runs.get(log), `${log} ran again after its success`).toEqual(death.runs.get(log));
}

async function killAt(crossing: number): Promise<void> {
  const folder = temporaryFolder();
  const first = await live(folder, { KILL_AT: String(crossing) });
  if (!first.killed) return;
  const death: Death = { logs: logsIn(folder), runs: runsIn(folder) };
  const second = await live(folder, hoursLater(1));
  expect(second.output?.views).toHaveLength(1);
  expectSound(second.output?.views ?? [], folder, [death]);
  for (const task of second.output?.views[0]?.tasks ?? []) {
    const log = death.logs.get(`${second.output?.views[0]?.batchId}/${task.taskId}`);
    const attempts = log?.attempt ?? 0;
    expect(task.attempts).toBe(log?.status === "SUCCESS" ? attempts : attempts + 1);
  }
}

test("killed at a crossing between engine and ports, the batch completes and nothing committed runs again", async ({
  signal,
}) => {
  const whole = await live(temporaryFolder(), {});
  const crossings = whole.output?.crossings ?? [];
  expect(new Set(crossings)).toContain("after store.commit");
  expect(crossings.length).toBeGreaterThan(40);
  const numbers = crossings.map((_, index) => index + 1);
  await inLanes(casesOfToday(numbers, 5), signal, (at) =>
    killAt(at).catch((cause: unknown) => {
      throw new Error(`killed at crossing ${at}, about ${crossings[at - 1]}`, { cause });
    }),
  );
});

test("killed again and again at random moments, batches of joined layers complete", async () => {
  const batches = triesAllCases ? 20 : 6;
  const folder = temporaryFolder();
  const random = seeded(20_261_121);
  const deaths: Death[] = [];
  const environment = {
    SHAPE: "layers",
    KEYS: Array.from({ length: batches }, (_, n) => `k${n}`).join(","),
    TASK_MS: "40",
  };
  // Fewer than a task may lose its worker.
  for (let life = 0; life < limits.lostLeases - 1; life++) {
    const { killed } = await live(
      folder,
      { ...environment, ...hoursLater(life) },
      1 + Math.floor(random() * 3 * batches),
    );
    deaths.push({ logs: logsIn(folder), runs: runsIn(folder) });
    if (!killed) break;
  }
  expect(deaths.length).toBeGreaterThan(2);
  const last = await live(folder, { ...environment, ...hoursLater(deaths.length) });
  expect(last.output?.views).toHaveLength(batches);
  expectSound(last.output?.views ?? [], folder, deaths);
});
