// What all benchmarks share: where their data is, their processes, their figures as tables.
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { arch, cpus, loadavg, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("..", import.meta.url));

const memoryFolder = "/dev/shm";

/** BENCH_FOLDER, or a folder in memory, so that the disk is not measured, or the system's temporary folder. */
export function dataFolder() {
  if (process.env.BENCH_FOLDER) return process.env.BENCH_FOLDER;
  try {
    accessSync(memoryFolder, constants.W_OK);
    return memoryFolder;
  } catch {
    return tmpdir();
  }
}

/** A new folder for data. It is deleted when this process ends, unless it is killed. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(dataFolder(), "baton-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  return folder;
}

/** Runs a program of a benchmark in a process of its own, below `tracer` if given. Returns the JSON that it prints. */
export function measured(program, options, tracer = []) {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const path = fileURLToPath(new URL(program, import.meta.url));
  const [command, ...rest] = [...tracer, process.execPath, path, ...words];
  const { stdout, status, signal, error } = spawnSync(command, rest, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1e9,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[program, ...words].join(" ")} failed: exit ${signal ?? status}`);
  return JSON.parse(stdout);
}

export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The load average of the last minute. */
export function load() {
  return loadavg()[0].toFixed(1);
}

export function machine() {
  const processors = cpus();
  const { node, sqlite } = process.versions;
  return `Node ${node}, SQLite ${sqlite}, ${platform()} ${arch()}, ${processors.length} × ${processors[0]?.model}`;
}

/** A Markdown table. */
export function table(heads, rows) {
  return [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** `12.3`, `123`, `12,345`: three digits are enough for a figure. */
export function figure(value) {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

export function ratio(value, base) {
  return `${(value / base).toFixed(2)} ×`;
}

/** Prints the help text and ends the process if `--help` was given. */
export function helpOn(values, text) {
  if (!values.help) return;
  console.log(text.trim());
  process.exit();
}

/** A whole number of at least `least`, given as an option. */
export function numberOption(values, name, least = 1) {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`--${name} takes a whole number of at least ${least}, not "${values[name]}"`);
  return value;
}
