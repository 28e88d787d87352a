import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { temporaryFolder } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";

const child = fileURLToPath(new URL("two-workers-child.ts", import.meta.url));

const OutcomesSchema = z.array(
  z.object({ status: z.string(), reason: z.string().nullable(), result: z.unknown() }),
);

/** A worker on the folder: it starts and stops on command, and reports how its batches ended. */
function worker(folder: string, name: string, onLocked: string) {
  const running = endedWithTest(() =>
    spawn(process.execPath, [child], {
      env: {
        ...process.env,
        BATON_DATA: folder,
        RUNS_FILE: `${folder}/runs.txt`,
        NAME: name,
        ON_LOCKED: onLocked,
      },
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  const said = async () => String((await once(running.stdout, "data"))[0]);
  return {
    ready: said(),
    begin: async () => {
      const outcomes = said();
      running.stdin.write("begin\n");
      return OutcomesSchema.parse(JSON.parse(await outcomes));
    },
    leave: async () => {
      running.stdin.end("leave\n");
      await once(running, "close");
    },
  };
}

test.each(["wait", "skip"])(
  "ten submissions of the same call from two processes at once, onLocked %s: one executes",
  async (onLocked) => {
    const folder = temporaryFolder();
    const workers = ["one", "two"].map((name) => worker(folder, name, onLocked));
    await Promise.all(workers.map(({ ready }) => ready));
    const outcomes = (await Promise.all(workers.map(({ begin }) => begin()))).flat();
    await Promise.all(workers.map(({ leave }) => leave()));
    const runs = readFileSync(`${folder}/runs.txt`, "utf8").trim().split("\n");
    expect(runs).toHaveLength(1);
    const result = { by: runs[0]?.split(" ")[0] };
    const done = { status: "SUCCESS", reason: null, result };
    const others =
      onLocked === "wait"
        ? { status: "SUCCESS", reason: "already_completed", result }
        : { status: "SKIPPED", reason: "lock_held", result: null };
    expect(outcomes.filter(({ reason }) => reason === null)).toEqual([done]);
    expect(outcomes.filter(({ reason }) => reason !== null)).toEqual(Array.from({ length: 9 }, () => others));
  },
);
