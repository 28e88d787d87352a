// What Linux says about a process. The figures are NaN on other systems.
import { readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** Processor time that a process has used, in milliseconds. */
export function processorMs(pid) {
  const fields = read(pid, "stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** The memory that a process has in use now, in megabytes. */
export function residentMegabytes(pid) {
  return megabytes(pid, "VmRSS");
}

/** The most memory that a process has had in use, in megabytes. */
export function peakMegabytes(pid) {
  return megabytes(pid, "VmHWM");
}

function megabytes(pid, field) {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(read(pid, "status")) ?? [];
  return Number(kibibytes) / 1_024;
}

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
