// Runs one sample from start to end, with its own data: npm run sample <name>
import { spawn } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = new URL("samples/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".js"))
  .map((file) => file.slice(0, -".js".length));
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
  rmSync(join(root, data), { recursive: true, force: true });
  const settings = { BATON_DATA: data, BATON_WORKFLOWS: "functions/workflows", ...environment };
  const assignments = Object.entries(settings).map(([variable, value]) => `${variable}=${value}`);
  console.log(`with ${assignments.join(" ")}`);
  // Variables of a deployment, or of another Baton, do not apply to the sample.
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) => !variable.startsWith("BATON_")),
  );
  const start = (command, parameters, stdout) =>
    spawnIn({ ...inherited, ...settings }, command, parameters, stdout);
  await sample({
    data: join(root, data),
    /** Runs `baton …` or `node …` and shows what it prints. Throws when it fails. */
    run: (command, ...parameters) => start(command, parameters, "inherit"),
    /** The same for a command that prints JSON: returns the value instead of printing it. */
    read: async (command, ...parameters) => JSON.parse(await start(command, parameters, "pipe")),
  });
}

function spawnIn(environment, command, parameters, stdout) {
  console.log(`\n$ ${[command, ...parameters.map(quote)].join(" ")}`);
  const script = command === "baton" ? ["bin/baton.js"] : [];
  const child = spawn(process.execPath, [...script, ...parameters], {
    cwd: root,
    env: environment,
    stdio: ["ignore", stdout, "inherit"],
  });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}

function quote(parameter) {
  return /^[\w./:=-]+$/.test(parameter) ? parameter : `'${parameter}'`;
}
