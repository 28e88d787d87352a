// Runs one sample from start to end, with its own data: npm run sample <name>
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ownEnvironment, project, run } from "./command.js";

const folder = new URL("runs/", import.meta.url);
const names = readdirSync(folder).map((file) => file.slice(0, -".js".length));
const [name = ""] = process.argv.slice(2);

if (names.includes(name))
  await runSample().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
else {
  console.error(`usage: npm run sample <name>\nsamples: ${names.join(", ")}`);
  process.exitCode = 2;
}

async function runSample() {
  const { default: sample, environment = {} } = await import(new URL(`${name}.js`, folder));
  // Deleted at each start, and kept afterwards for inspection.
  const data = `.baton/sample-${name}`;
  rmSync(join(project, data), { recursive: true, force: true });
  const settings = { BATON_DATA: data, ...environment };
  const assignments = Object.entries(settings).map(([variable, value]) => `${variable}=${value}`);
  console.log(`in ${project} with ${assignments.join(" ")}`);
  const start = (command, parameters, stdout) => {
    console.log(`\n$ ${[command, ...parameters.map(quote)].join(" ")}`);
    return run(command, parameters, { environment: ownEnvironment(settings), stdout });
  };
  await sample({
    data: join(project, data),
    /** Runs `baton …` or `node …` and shows what it prints. Throws when it fails. */
    run: (command, ...parameters) => start(command, parameters, "inherit"),
    /** The same for a command that prints JSON: returns the value instead of printing it. */
    read: async (command, ...parameters) => JSON.parse(await start(command, parameters, "pipe")),
  });
}

function quote(parameter) {
  return /^[\w./:=-]+$/.test(parameter) ? parameter : `'${parameter}'`;
}
