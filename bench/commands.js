// How long commands take from the start of their process: `node bench/commands.js [rounds] [folder of another build]`.
// Build first. With another folder, its commands and ours run in turns.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { coldProcess, freePort } from "./cold-start-process.js";

const [rounds = "15", other] = process.argv.slice(2);
const builds = {
  ...(other !== undefined && { other }),
  this: fileURLToPath(new URL("..", import.meta.url)),
};
const place = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "baton-bench-"));
const greet = ["run", "greet", "--input", '{"name":"Ada"}'];
const commands = [["--help"], ["--version"], ["workflows"], greet, ["batches"], ["start"]];

const measured = new Map([["node -e 0", []]]);
for (const command of commands)
  for (const name of Object.keys(builds)) measured.set(titleOf(command, name), []);
// The first round fills the caches of the disk and the compile cache, and creates the data.
for (let round = -1; round < Number(rounds); round++) {
  add(round, "node -e 0", timed(["-e", "0"], {}));
  for (const command of commands)
    for (const [name, folder] of Object.entries(builds))
      add(round, titleOf(command, name), await timeOf(command, name, folder));
}

console.log("| command | processor ms (median) | best | ms (median) | best | × node -e 0 |");
console.log("|---|---|---|---|---|---|");
const base = median(valuesOf("node -e 0", "used"));
for (const title of measured.keys()) {
  const [used, took] = [valuesOf(title, "used"), valuesOf(title, "took")];
  const shown = [median(used), Math.min(...used), median(took), Math.min(...took)].map((ms) => ms.toFixed(0));
  console.log(`| ${title} | ${shown.join(" | ")} | ${(median(used) / base).toFixed(1)} |`);
}
rmSync(place, { recursive: true, force: true });

/** Each build has a data folder of its own, and runs the workflows that were built with it. */
async function timeOf(command, name, folder) {
  const environment = {
    BATON_DATA: join(place, name),
    BATON_WORKFLOWS: join(folder, "dist/functions/workflows"),
    NODE_COMPILE_CACHE: join(place, `${name}-compiled`),
  };
  const words = [join(folder, "bin/baton.js"), ...command];
  if (command[0] !== "start") return timed(words, environment);
  const port = await freePort();
  const started = { arguments: [...words, "--port", String(port)], cwd: place, environment };
  return coldProcess(started, { method: "GET", path: "/healthz", port });
}

/** Bash counts the processor time of a child, and of the processes that it has waited for, in milliseconds. */
function timed(words, environment) {
  const script = 'TIMEFORMAT="%R %U %S"; time "$0" "$@" >/dev/null 2>&1';
  const { PATH, HOME } = process.env;
  const options = { cwd: place, env: { PATH, HOME, ...environment }, encoding: "utf8" };
  const { status, stderr } = spawnSync("bash", ["-c", script, process.execPath, ...words], options);
  if (status !== 0) throw new Error(`${words.join(" ")} exited with ${status}`);
  const [real, user, system] = stderr
    .trim()
    .split(" ")
    .map((seconds) => Number(seconds) * 1_000);
  return { took: real, used: user + system };
}

function titleOf(command, name) {
  const words = `baton ${command.slice(0, 2).join(" ")}`;
  const whole = command[0] === "start" ? `${words} to /healthz` : words;
  return name === "this" ? whole : `${whole}, other build`;
}

function valuesOf(title, kind) {
  return (measured.get(title) ?? []).map((time) => time[kind]);
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Round -1 is not measured. */
function add(round, title, time) {
  if (round >= 0) measured.get(title)?.push(time);
}
