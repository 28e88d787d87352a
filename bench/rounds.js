// Runs rounds of a workload in this process and measures each.
import { peakMegabytes, processorMs } from "./processes.js";

/**
 * The processor time counts all threads of the process, garbage collection included, and only while a round runs: not
 * the loading of modules, the opening of the file, or the check of the results after each round. `server` is the id of
 * a process that belongs to what is measured.
 */
export async function measureRounds({ run, check = async () => {}, tasks, rounds, warmUpSeconds, server }) {
  const block = new LongestBlock();
  const measure = async () => {
    const serverBefore = serverUsedMs(server);
    const usedBefore = process.cpuUsage();
    const began = performance.now();
    block.start();
    const outcome = await run();
    const blockMs = block.stop();
    const milliseconds = performance.now() - began;
    const { user, system } = process.cpuUsage(usedBefore);
    const serverMs = serverUsedMs(server) - serverBefore;
    await check(outcome);
    return {
      milliseconds,
      processorMicroseconds: user + system + serverMs * 1_000,
      blockMs,
      startMs: outcome?.startMs,
    };
  };
  const cold = await measure();
  for (let usedMs = 0; usedMs < warmUpSeconds * 1_000; ) usedMs += (await measure()).milliseconds;
  const warm = [];
  for (let round = 1; round < rounds; round++) warm.push(await measure());
  const measured = warm.length > 0 ? warm : [cold];
  const sum = (key) => measured.reduce((total, round) => total + round[key], 0);
  return {
    tasks,
    startMs: cold.startMs,
    coldBlockMs: cold.blockMs,
    blockMs: Math.max(...measured.map((round) => round.blockMs)),
    coldMicrosecondsPerTask: cold.processorMicroseconds / tasks,
    microsecondsPerTask: sum("processorMicroseconds") / measured.length / tasks,
    tasksPerSecond: (tasks * measured.length * 1_000) / sum("milliseconds"),
    peakMegabytes: process.resourceUsage().maxRSS / 1_024 + (server ? peakMegabytes(server) : 0),
  };
}

/**
 * The longest time in which the event loop did not turn, in processor time of the main thread, so that waiting for a
 * processor does not count. Its error is the pause between two looks and a tick of the system's clock: some
 * milliseconds.
 */
class LongestBlock {
  static #intervalMs = 5;
  #longestMs = 0;
  #lastMs = 0;
  #timer;

  start() {
    this.#longestMs = 0;
    this.#lastMs = usedMs();
    this.#timer = setInterval(() => this.#look(), LongestBlock.#intervalMs);
  }

  stop() {
    clearInterval(this.#timer);
    this.#look();
    return this.#longestMs;
  }

  #look() {
    const now = usedMs();
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastMs);
    this.#lastMs = now;
  }
}

function serverUsedMs(server) {
  return server === undefined ? 0 : processorMs(server);
}

function usedMs() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
