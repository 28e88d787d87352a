import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { temporaryFolder } from "../support/app.ts";
import { casesOfToday } from "../support/cases-of-today.ts";
import { endedWithTest } from "../support/child-process.ts";
import { anHourLater } from "../support/command.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { inLanes } from "./lanes.ts";

const child = fileURLToPath(new URL("keyed-child.ts", import.meta.url));

const OutputSchema = z.object({
  crossings: z.array(z.string()),
  views: z.array(
    z.object({
      status: z.string(),
      tasks: z.array(z.object({ status: z.string(), reason: z.string().nullable(), result: z.unknown() })),
    }),
  ),
  execution: z.object({ state: z.string() }),
  callbacks: z.array(z.object({ eventId: z.string(), state: z.string() })),
});

/** One life of the worker: what it printed, or undefined when it was killed. */
async function live(folder: string, url: string, killAt: number, later: NodeJS.ProcessEnv = {}) {
  const worker = endedWithTest(() =>
    spawn(process.execPath, [child], {
      env: {
        ...process.env,
        BATON_DATA: folder,
        RUNS_FILE: `${folder}/runs.txt`,
        CALLBACK_URL: url,
        KILL_AT: String(killAt),
        ...later,
      },
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  let output = "";
  worker.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  const signal = await new Promise((resolve) => worker.on("close", (_code, by) => resolve(by)));
  return signal === "SIGKILL" ? undefined : OutputSchema.parse(JSON.parse(output));
}

function linesOf(folder: string): string[] {
  const path = `${folder}/runs.txt`;
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
}

/** Names of the steps that the file holds while no process has it open. */
function stepsIn(folder: string): string[] {
  const database = new DatabaseSync(`${folder}/baton.sqlite`);
  try {
    const exists = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'steps'").get();
    if (!exists) return [];
    const rows = database.prepare(
      "SELECT data ->> 'name' AS name FROM steps WHERE data ->> 'kind' = 'value'",
    );
    return rows.all().map((row) => String(row.name));
  } finally {
    database.close();
  }
}

async function killAt(crossing: number): Promise<void> {
  const receiver = await callbackReceiver();
  const folder = temporaryFolder();
  if (await live(folder, receiver.url, crossing)) return;
  const stored = stepsIn(folder);
  const before = linesOf(folder);
  const output = await live(folder, receiver.url, 0, anHourLater);
  const after = linesOf(folder);
  const count = (lines: readonly string[], name: string) => lines.filter((line) => line === name).length;
  // A step that was stored is not done again; one that was not may have been done once before.
  for (const step of stored) expect(count(after, step), step).toBe(count(before, step));
  for (const step of ["first", "second"]) expect(count(after, step), step).toBeLessThanOrEqual(2);
  expect(output?.views.map(({ status }) => status)).toEqual(["SUCCESS", "SUCCESS"]);
  const outcomes = output?.views.map(({ tasks: [task] }) => `${task?.status} ${task?.reason}`).sort();
  expect(outcomes).toEqual(["SUCCESS already_completed", "SUCCESS null"]);
  expect(output?.views.map(({ tasks: [task] }) => task?.result)).toEqual([{ done: true }, { done: true }]);
  expect(output?.execution.state).toBe("SUCCESS");
  expect(output?.callbacks).toHaveLength(1);
  // At least once, always the same event and the same bytes.
  expect(receiver.received.length).toBeGreaterThan(0);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))).toEqual(
    new Set([output?.callbacks[0]?.eventId]),
  );
}

test("killed at a crossing, a task with key, steps, wait and callback is done once and calls back", async ({
  signal,
}) => {
  const receiver = await callbackReceiver();
  const whole = await live(temporaryFolder(), receiver.url, 0);
  const crossings = whole?.crossings ?? [];
  for (const name of ["after store.commit", "after callbacks.send", "after timer.schedule"])
    expect(new Set(crossings)).toContain(name);
  const numbers = crossings.map((_, index) => index + 1);
  await inLanes(casesOfToday(numbers, 5), signal, (at) =>
    killAt(at).catch((cause: unknown) => {
      throw new Error(`killed at crossing ${at}, about ${crossings[at - 1]}`, { cause });
    }),
  );
});
