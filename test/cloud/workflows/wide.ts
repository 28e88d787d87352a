import { appendFileSync } from "node:fs";
import { workflow } from "baton-dag";

const effects = process.env.TEST_EFFECTS ?? "/dev/null";
const width = Number(process.env.TEST_WIDTH ?? 10);

interface Run {
  readonly batchId: string;
  readonly taskId: string;
  readonly attempt: number;
}

/** A workflow whose tasks are not known when it is written. */
interface Growing {
  task(id: string, work: (run: Run) => null, policies: { readonly after: readonly string[] }): Growing;
}

const work = ({ batchId, taskId, attempt }: Run) => {
  appendFileSync(effects, `${batchId} ${taskId} ${attempt}\n`);
  return null;
};

const middle = Array.from({ length: width }, (_, index) => `m${index}`);

/** Many tasks that wait for the same ones, and one that waits for all of them. */
function wide(opened: Growing, after: readonly string[]) {
  return middle
    .reduce((flow, taskId) => flow.task(taskId, work, { after }), opened)
    .task("last", work, { after: middle });
}

const growing = (id: string) => workflow(id) as unknown as Growing;

export const inward = wide(growing("inward"), []);
export const outwardAndInward = wide(growing("outward-and-inward").task("first", work, { after: [] }), [
  "first",
]);
