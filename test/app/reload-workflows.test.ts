import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { reloadWorkflows } from "../../src/app/reload-workflows.ts";
import { FolderCatalog } from "../../src/workflow/catalog.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { taskTypes } from "../workflow/task-types.ts";
import { folderWith } from "../workflow/temp-folder.ts";

const scanMs = 250;
const good = "workflow: sales\ntasks:\n  - { id: load, type: noop }\n";

/** A followed folder. `looks` waits for this number of looks at it. */
async function followed(files: Readonly<Record<string, string>> = { "sales.yaml": good }) {
  const folder = await folderWith(files);
  const clock = new VirtualClock();
  const catalog = new FolderCatalog({ folder, taskTypes });
  await catalog.all();
  const reports: string[] = [];
  const stop = reloadWorkflows(catalog, clock, {
    scanMs,
    report: {
      reloaded: (_, { workflows }) => reports.push(`reloaded ${[...workflows.keys()]}`),
      problem: ({ where }) => reports.push(`problem ${where.slice(folder.length + 1)}`),
      solved: (file) => reports.push(`solved ${file.slice(folder.length + 1)}`),
      unreadable: () => reports.push("unreadable"),
    },
  });
  onTestFinished(stop);
  const looks = async (count: number) => {
    for (let look = 0; look < count; look += 1) {
      await expect.poll(() => clock.pending).toBe(1);
      await clock.advance(scanMs);
    }
    await expect.poll(() => clock.pending).toBe(1);
  };
  await looks(1);
  const write = (text: string, name = "sales.yaml") => writeFileSync(join(folder, name), text);
  return { folder, catalog, reports, looks, write };
}

test("a change counts once the file is still, and is reported once", async () => {
  const { reports, looks, write, catalog } = await followed();
  write(`${good}  - { id: more, type: noop }\n`);
  await looks(1);
  expect(reports).toEqual([]);
  expect((await catalog.find("sales"))?.definition.tasks).toHaveLength(1);
  await looks(5);
  expect(reports).toEqual(["reloaded sales"]);
  expect((await catalog.find("sales"))?.definition.tasks).toHaveLength(2);
});

test("a half-written file is no mistake, however the editor writes it", async () => {
  const { folder, reports, looks, write, catalog } = await followed();
  // Long enough to be loaded, but not to be a mistake.
  write(good.slice(0, 20));
  await looks(3);
  expect((await catalog.find("sales"))?.definition.tasks).toHaveLength(1);
  write(good);
  await looks(1);
  // By another file that takes its name, and again.
  for (const text of ["tasks: [", `# again\n${good}`]) {
    writeFileSync(join(folder, "sales.yaml~"), text);
    rmSync(join(folder, "sales.yaml"));
    await looks(1);
    renameSync(join(folder, "sales.yaml~"), join(folder, "sales.yaml"));
    await looks(1);
  }
  await looks(8);
  expect(reports.filter((text) => !text.startsWith("reloaded sales"))).toEqual([]);
});

test("a mistake is reported once, after each writing of the file, and when it is corrected", async () => {
  const { reports, looks, write, catalog } = await followed();
  write("workflow: sales\ntasks: [");
  await looks(12);
  expect(reports).toEqual(["reloaded sales", expect.stringMatching(/^problem sales\.yaml:2/)]);
  write("workflow: sales\ntasks: [ ");
  await looks(12);
  expect(reports.slice(2)).toEqual(["reloaded sales", expect.stringMatching(/^problem sales\.yaml:2/)]);
  expect((await catalog.find("sales"))?.definition.tasks).toHaveLength(1);
  write(good);
  await looks(12);
  expect(reports.slice(4)).toEqual(["reloaded sales", "solved sales.yaml"]);
});

test("mistakes that the files had at the start are not reported again", async () => {
  const { reports, looks, write } = await followed({
    "sales.yaml": good,
    "bad.yaml": "workflow: bad\ntasks: [",
  });
  write(`# A comment.\n${good}`);
  await looks(12);
  expect(reports).toEqual(["reloaded sales"]);
});

test("a folder that can't be read is reported once", async () => {
  const { folder, reports, looks } = await followed();
  renameSync(folder, `${folder}-away`);
  await looks(3);
  expect(reports).toEqual(["unreadable"]);
  renameSync(`${folder}-away`, folder);
  await looks(3);
  expect(reports).toEqual(["unreadable"]);
});
