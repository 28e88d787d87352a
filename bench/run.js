// Every workload in a process of its own, with both durabilities; prints a Markdown table.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { workloads } from "./workloads.js";

const one = fileURLToPath(new URL("one.js", import.meta.url));
console.log("| workload | durability | tasks/s (median) | tasks/s (best) | ms per edge | peak MB |");
console.log("|---|---|---|---|---|---|");
for (const durability of ["full", "normal"])
  for (const name of Object.keys(workloads)) {
    const { stdout, status } = spawnSync(process.execPath, [one, name, durability], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (status !== 0) process.exit(status ?? 1);
    const figures = JSON.parse(stdout);
    console.log(
      `| ${name} ${figures.title} | ${durability} | ${figures.tasksPerSecond} | ${figures.best} | ${figures.millisecondsPerEdge} | ${figures.peakMegabytes} |`,
    );
  }
