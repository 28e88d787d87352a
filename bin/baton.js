#!/usr/bin/env node
// Starts the command line on a Node that can run it. Only syntax that old versions of Node can parse.

const launchedBy = process.env.BATON_LAUNCHED_BY;
delete process.env.BATON_LAUNCHED_BY;

if (isNewEnough()) runHere().catch(fail);
else launchOnOwnNode().catch(fail);

/** Type stripping for workflow files, hooks for their imports, and SQLite: all there, and not behind flags. */
function isNewEnough() {
  const numbers = process.versions.node.split(".").map(Number);
  if (numbers[0] < 22 || (numbers[0] === 22 && numbers[1] < 18)) return false;
  return Boolean(process.features.typescript) && process.getBuiltinModule("node:sqlite") !== undefined;
}

async function runHere() {
  const { existsSync, readFileSync } = await import("node:fs");
  const main = new URL("../dist/src/cli/main.js", import.meta.url);
  if (!existsSync(main))
    return explain("Baton has not been built", "Run `npm run build` in its folder.", "NOT_BUILT");
  const { enableCompileCache } = await import("node:module");
  enableCompileCache();
  const { runCommandLine } = await import(main.href);
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  await runCommandLine({ launched: launchedBy === String(process.ppid), version });
}

async function launchOnOwnNode() {
  const { existsSync } = await import("node:fs");
  const { fileURLToPath } = await import("node:url");
  const own = fileURLToPath(new URL("../node_modules/node/bin/node", import.meta.url));
  if (launchedBy !== undefined || !existsSync(own))
    return explain(
      `Baton needs Node 22.18 or a newer 22, 24 or 26; this is Node ${process.versions.node} (${process.execPath})`,
      "Install Node 24, or run `npm ci` in Baton's folder, which brings its own.",
    );
  const { spawn } = await import("node:child_process");
  const child = spawn(own, process.argv.slice(1), {
    // The channel carries nothing: when this process dies, it closes, and the other one ends too.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
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

function explain(message, remedy, code = "NODE_TOO_OLD") {
  process.stderr.write(`error ${code}: ${message}\nwhat to do: ${remedy}\n`);
  process.exitCode = 2;
}

function fail(error) {
  process.stderr.write(`error INTERNAL: ${error.message}\n`);
  if (process.env.BATON_DEBUG === "1") process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
