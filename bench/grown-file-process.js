// Fills a data folder with ended batches of one task, each with an idempotency key of its own; see grown-file.js.
import { parseArgs } from "node:util";
import { openBaton } from "./baton.js";

const { values } = parseArgs({
  options: { root: { type: "string" }, data: { type: "string" }, batches: { type: "string" } },
});
/** As many run at once, so that memory does not fill up. */
const group = 1_000;
const total = Number(values.batches);
const batches = Math.min(group, total);
const baton = await openBaton({
  ...values,
  durability: "normal",
  tasks: [["only", []]],
  batches,
  policies: { idempotency: true },
  inputOf: (index) => ({ index }),
});
baton.work();
for (let done = 0; done < total; done += batches) await baton.check(await baton.run());
await baton.close();
console.log(JSON.stringify({ batches: total }));
