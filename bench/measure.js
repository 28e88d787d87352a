// Measures one workload of one checkout in this process. `npm run bench` starts it; alone it serves to profile:
//   node --cpu-prof bench/measure.js --workload W2 --rounds 60
import { parseArgs } from "node:util";
import { openBaton } from "./baton.js";
import { repository, temporaryFolder } from "./machine.js";
import { measureRounds } from "./rounds.js";
import { workloadNamed } from "./workloads.js";

const { values } = parseArgs({
  options: {
    root: { type: "string", default: repository },
    workload: { type: "string", default: "W1" },
    durability: { type: "string", default: "full" },
    rounds: { type: "string", default: "20" },
    "warm-up": { type: "string", default: "0" },
  },
});
const { tasks, batches } = workloadNamed(values.workload);
const data = temporaryFolder();
const baton = await openBaton({ root: values.root, data, durability: values.durability, tasks, batches });
baton.work();
const measured = await measureRounds({
  ...baton,
  rounds: Number(values.rounds),
  warmUpSeconds: Number(values["warm-up"]),
});
await baton.close();
console.log(JSON.stringify(measured));
