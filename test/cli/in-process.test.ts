import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";

const begin = 'import { workflow } from "baton-dag";\n';
const namedBy = (module: string) =>
  `${begin}import { createRequire } from "node:module";
import { id } from "./lib/${module}.ts";
const { more } = createRequire(import.meta.url)("./lib/more.cjs");
export default workflow(id + more + (process.env.SUFFIX ?? "")).task("t", () => 1);
`;

async function workflowIds(place: Workplace, environment: Readonly<Record<string, string>> = {}) {
  const { list } = await place.baton(["workflows", "--json"], { environment });
  return list.map(({ workflowId }) => workflowId);
}

test("a call in this process loads the current files of users, as a new process does", async () => {
  const place = new Workplace({
    "named.ts": namedBy("id"),
    "lib/id.ts": 'export const id = "one";\n',
    "lib/more.cjs": "exports.more = 1;\n",
  });
  expect(await workflowIds(place)).toEqual(["one1"]);
  place.write("workflows/lib/id.ts", 'export const id = "two";\n');
  place.write("workflows/lib/more.cjs", "exports.more = 2;\n");
  expect(await workflowIds(place)).toEqual(["two2"]);
});

test("a call has its own environment and folder, and those of this process are restored", async () => {
  const place = new Workplace({
    "named.ts": namedBy("id"),
    "lib/more.cjs": "exports.more = process.cwd();\n",
  });
  place.write("workflows/lib/id.ts", 'export const id = process.env.VITEST ?? "none";\n');
  const before = { folder: process.cwd(), environment: { ...process.env } };
  const [first, second] = await Promise.all([
    place.baton(["workflows"], { environment: { SUFFIX: "-first" } }),
    place.baton(["workflows"]),
  ]);
  expect(first.stderr).toContain(`none${place.folder}-first`);
  expect(second.stderr).toContain(`none${place.folder}"`);
  expect({ folder: process.cwd(), environment: { ...process.env } }).toEqual(before);
});

test("a call that leaves a file open fails", async () => {
  const place = new Workplace({
    "leaves.ts": 'import { openSync } from "node:fs";\nglobalThis.left = openSync("left", "w");\n',
  });
  await expect(place.baton(["workflows"])).rejects.toThrow(/leaves behind: .*left/);
  closeSync(Number(Reflect.get(globalThis, "left")));
});

test("a call that leaves a listener behind fails", async () => {
  const before = process.listeners("SIGTERM");
  const place = new Workplace({ "leaves.ts": 'process.on("SIGTERM", () => {});\n' });
  await expect(place.baton(["workflows"])).rejects.toThrow(/leaves behind: SIGTERM/);
  for (const listener of process.listeners("SIGTERM"))
    if (!before.includes(listener)) process.off("SIGTERM", listener);
});
