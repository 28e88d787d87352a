import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The inbox with `contributions/contributions.ndjson`. */
export const environment = { BATON_INBOX: "data" };

const day = JSON.stringify({ date: "2026-10-11" });

export default async function contributionsAnalysis({ read }) {
  const once = async (workflow) => {
    const { tasks, status } = await read("baton", "run", workflow, "--input", day, "--json");
    console.log(`batch ${status}`);
    return tasks;
  };
  const first = await once("contributions-analysis");
  for (const { report } of first) console.log(JSON.stringify(report, null, 1));
  console.log("\nThe same day again: nothing is executed, and the results are the same.");
  const again = await once("contributions-analysis");
  for (const { taskId, status, reason } of again) console.log(taskId, status, reason);
  console.log("\nThe refresh runs each time.");
  for (const tasks of [await once("contributions-refresh"), await once("contributions-refresh")])
    for (const { taskId, status, reason, report } of tasks)
      console.log(taskId, status, reason, report.counters);
  const report = fileURLToPath(again.at(-1).result.report);
  console.log(`\n${readFileSync(report, "utf8")}\nreport: ${report}`);
}
