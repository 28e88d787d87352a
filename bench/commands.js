// What commands cost that do little, so that their start is what takes time: `node bench/commands.js`.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { coldProcess, freePort } from "./cold-start-process.js";
import {
  figure,
  helpOn,
  load,
  machine,
  median,
  numberOption,
  ratio,
  table,
  temporaryFolder,
} from "./machine.js";
import { builtRevision, thisCheckout } from "./revision.js";
import { timedCommand } from "./timed-command.js";

const help = `
npm run build && node bench/commands.js [--against REVISION] [options]

Runs commands beside \`node -e 0\`, in turns, and prints Markdown: processor time and time from the start to the end of
the process, of \`start\` to the answer to /healthz. Medians.

  --against REVISION  a git revision, or the folder of a built checkout
  --rounds 15         runs of each command
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    rounds: { type: "string", default: "15" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const rounds = numberOption(values, "rounds");
const commands = [
  ["--help"],
  ["--version"],
  ["workflows"],
  ["run", "greet", "--input", '{"name":"Ada"}'],
  ["batches"],
  ["start"],
];
const revisions = [...(values.against === undefined ? [] : [builtRevision(values.against)]), thisCheckout()];
const folder = temporaryFolder();
const rows = [
  { title: "node -e 0", name: "", run: () => timedCommand(["-e", "0"], { cwd: folder }) },
  ...commands.flatMap((command) =>
    revisions.map(({ name, root }, index) => ({
      title: `baton ${command.slice(0, 2).join(" ")}`,
      name,
      run: () => commandTime(command, root, join(folder, String(index))),
    })),
  ),
].map((row) => ({ ...row, runs: [] }));
const loadBefore = load();
// The first run fills the compile cache and creates the data.
for (let round = -1; round < rounds; round++)
  for (const { run, runs } of rows) {
    const time = await run();
    if (round >= 0) runs.push(time);
  }

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples: rows }));
else {
  console.log(
    `${rounds} runs in turns, medians. ${machine()}; load average ${loadBefore} before, ${load()} after.\n`,
  );
  const [{ runs: bare }] = rows;
  const base = medianOf(bare, "processorMs");
  console.log(
    table(
      ["command", "revision", "processor ms", "× `node -e 0`", "ms"],
      rows.map(({ title, name, runs }) => {
        const used = medianOf(runs, "processorMs");
        return [
          `\`${title}\``,
          name,
          figure(used),
          ratio(used, base),
          figure(medianOf(runs, "milliseconds")),
        ];
      }),
    ),
  );
}

/** Each revision has a data folder and a compile cache of its own, and runs the workflows that were built with it. */
async function commandTime(command, root, data) {
  const environment = {
    BATON_DATA: data,
    BATON_WORKFLOWS: join(root, "dist/functions/workflows"),
    NODE_COMPILE_CACHE: `${data}-compiled`,
  };
  const words = [join(root, "bin/baton.js"), ...command];
  if (command[0] !== "start") return timedCommand(words, { cwd: folder, environment });
  const port = await freePort();
  const started = { arguments: [...words, "--port", String(port)], cwd: folder, environment };
  const { took, used } = await coldProcess(started, { method: "GET", path: "/healthz", port });
  return { milliseconds: took, processorMs: used };
}

function medianOf(runs, key) {
  return median(runs.map((run) => run[key]));
}
