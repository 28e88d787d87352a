// Runs rounds of a workload in this process, measures each, and prints what was measured as one line of JSON.

/**
 * The processor time counts all threads of the process, garbage collection included, and only while a round runs: not
 * the loading of modules, the opening of the file, or the check of the results after each round.
 */
export async function measureRounds({ run, check = async () => {}, tasks, rounds, warmUpSeconds }) {
  const measure = async () => {
    const usedBefore = process.cpuUsage();
    const began = performance.now();
    const outcome = await run();
    const milliseconds = performance.now() - began;
    const used = process.cpuUsage(usedBefore);
    await check(outcome);
    return { milliseconds, processorMicroseconds: used.user + used.system, startMs: outcome?.startMs };
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
    coldMicrosecondsPerTask: cold.processorMicroseconds / tasks,
    microsecondsPerTask: sum("processorMicroseconds") / measured.length / tasks,
    tasksPerSecond: (tasks * measured.length * 1_000) / sum("milliseconds"),
    peakMegabytes: process.resourceUsage().maxRSS / 1_024,
  };
}
