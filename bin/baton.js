#!/usr/bin/env node
// Starts the command line on a Node that can run it. Only the command writes to standard output: descriptor 1 leads to
// standard error, where the output of tasks, child processes and native code goes, and descriptor 3 is the real
// standard output. Node can't duplicate a descriptor, but a shell or a child process can. This file uses only syntax
// that old versions of Node can parse.

const outputDescriptor = 3;
const launchedBy = process.env.BATON_LAUNCHED_BY;
delete process.env.BATON_LAUNCHED_BY;
/** The parent runs another Node or platform, and waits for this process. */
const hasLauncher = launchedBy === String(process.ppid);
/** This process has replaced itself. */
const isReplaced = launchedBy === String(process.pid);

const words = process.argv.slice(2);
const question = words.length === 1 ? words[0] : "";

if (!isNewEnough()) launchOnOwnNode().catch(fail);
else if (hasLauncher || isReplaced) runHere().catch(fail);
else if (["--help", "-h"].includes(question)) print(readHelp).catch(fail);
else if (["--version", "-V"].includes(question)) print(readVersion).catch(fail);
else startAgain().catch(fail);

/** Whether type stripping, module hooks and SQLite are available without flags. */
function isNewEnough() {
  const numbers = process.versions.node.split(".").map(Number);
  if (numbers[0] < 22 || (numbers[0] === 22 && numbers[1] < 18)) return false;
  return Boolean(process.features.typescript) && process.getBuiltinModule("node:sqlite") !== undefined;
}

// `print`, `runHere` and `startAgain` run on a new Node only, where a look-up of its modules loads less than an import.

/** Prints a file's text. Neither is the command loaded for it, nor is this process replaced. */
async function print(read) {
  const { existsSync, readFileSync } = process.getBuiltinModule("node:fs");
  const help = new URL("../dist/help.txt", import.meta.url);
  if (!existsSync(help)) return explainBuild();
  // The reader may close the pipe early.
  process.stdout.on("error", () => {});
  process.stdout.write(read((path) => readFileSync(new URL(path, import.meta.url), "utf8")));
}

/** The build has written what the command prints. */
function readHelp(readText) {
  return readText("../dist/help.txt");
}

function readVersion(readText) {
  return `${JSON.parse(readText("../package.json")).version}\n`;
}

async function runHere() {
  const { existsSync, readFileSync } = process.getBuiltinModule("node:fs");
  const main = new URL("../dist/src/cli/main.js", import.meta.url);
  if (!existsSync(main)) return explainBuild();
  const { enableCompileCache } = process.getBuiltinModule("node:module");
  enableCompileCache();
  // Only a server runs its checks of values so often that to compile them pays.
  const zod = await import("../dist/src/zod.js");
  zod.config({ jitless: !["start", "dev"].includes(words[0]) });
  const { runCommandLine } = await import(main.href);
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  await runCommandLine({ hasLauncher, version, outputDescriptor });
}

/** Replaces this process by the same command with other descriptors. Where that is impossible, it starts a child. */
async function startAgain() {
  const { accessSync, constants } = process.getBuiltinModule("node:fs");
  const shell = "/bin/sh";
  const command = [process.execPath].concat(process.execArgv, process.argv.slice(1));
  try {
    if (process.platform === "win32" || process.channel) return launch(command[0], command.slice(1));
    // `execve` would end the process if the shell can't be executed.
    accessSync(shell, constants.X_OK);
  } catch {
    return launch(command[0], command.slice(1));
  }
  const redirect = `exec "$@" ${outputDescriptor}>&1 1>&2`;
  const environment = Object.assign({}, process.env, { BATON_LAUNCHED_BY: String(process.pid) });
  process.execve(shell, ["sh", "-c", redirect, "baton"].concat(command), environment);
}

async function launchOnOwnNode() {
  const { existsSync } = await import("node:fs");
  const { fileURLToPath } = await import("node:url");
  const { dirname } = await import("node:path");
  // A package of npm, `node`, holds it.
  const own = [dirname(fileURLToPath(import.meta.url)), process.cwd()]
    .reduce((folders, folder) => folders.concat(foldersAbove(folder, dirname)), [])
    .map((folder) => `${folder}/node_modules/node/bin/node`)
    .find((path) => existsSync(path));
  if (launchedBy !== undefined || own === undefined)
    return explain(
      `Baton needs Node 22.18 or a newer 22, 24 or 26; this is Node ${process.versions.node} (${process.execPath})`,
      "Install Node 24, or give the project its own: `npm install --save-dev node@24`.",
    );
  await launch(own, process.argv.slice(1));
}

function foldersAbove(folder, dirname) {
  return folder === dirname(folder) ? [folder] : [folder].concat(foldersAbove(dirname(folder), dirname));
}

/** Runs the command in a child process, and exits with its exit code or signal. */
async function launch(node, parameters) {
  const { spawn } = await import("node:child_process");
  const child = spawn(node, parameters, {
    // The channel carries no messages. It closes when this process dies, which ends the child.
    stdio: ["inherit", 2, 2, 1, "ipc"],
    env: Object.assign({}, process.env, { BATON_LAUNCHED_BY: String(process.pid) }),
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on("error", fail);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const caught of signals) process.removeAllListeners(caught);
    process.kill(process.pid, signal);
  });
}

function explainBuild() {
  explain("Baton has not been built", "Run `npm run build` in its folder.", "NOT_BUILT");
}

function explain(message, remedy, code = "NODE_TOO_OLD") {
  process.stderr.write(`error ${code}: ${message}\nwhat to do: ${remedy}\n`);
  process.exitCode = 2;
}

function fail(error) {
  process.stderr.write(`error INTERNAL: ${error.message}\n`);
  if (process.env.BATON_DEBUG === "1") process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
