import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const lookMs = 500;
const npx = /^npm exec\b|\bnpx(-cli\.js)?\b|\bnpm(-cli\.js)? exec\b/;
const shell = /^(\S*\/)?(sh|dash|ash|bash|zsh|ksh) /;

/**
 * `npx` runs a command through a shell and passes signals to that alone: the shell dies, and the command would go on
 * with nothing left to stop it. Resolves once the npx that started this process is gone, or a process between the two;
 * never when this process was started in another way. `hasLauncher`: the parent is bin/baton.js on another Node.
 */
export async function untilNpxEnds(hasLauncher: boolean): Promise<void> {
  const chain = process.env.npm_command === "exec" ? await chainToNpx(hasLauncher) : undefined;
  if (chain === undefined) return new Promise(() => {});
  while (await isWhole(chain)) await sleep(lookMs, undefined, { ref: false });
}

/** Ids of processes, from the parent of this one up to npx; undefined when something else than a shell is between. */
async function chainToNpx(hasLauncher: boolean): Promise<number[] | undefined> {
  const chain: number[] = [];
  for (let next: number | undefined = process.ppid; next !== undefined; next = await parentOf(next)) {
    const command = await commandOf(next);
    const isLauncher = hasLauncher && chain.length === 0;
    chain.push(next);
    if (npx.test(command) && !shell.test(command) && !isLauncher) return chain;
    if (!shell.test(command) && !isLauncher) return undefined;
  }
  return undefined;
}

/** When a process has died, its children have another parent. */
async function isWhole(chain: readonly number[]): Promise<boolean> {
  let parent: number | undefined = process.ppid;
  for (const [index, pid] of chain.entries()) {
    if (parent !== pid) return false;
    if (index < chain.length - 1) parent = await parentOf(pid);
  }
  return true;
}

async function parentOf(pid: number): Promise<number | undefined> {
  if (process.platform !== "linux") return Number(await ask("ppid=", pid)) || undefined;
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name of the program, in parentheses, may hold anything.
  const [, parent] = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return Number(parent) || undefined;
}

async function commandOf(pid: number): Promise<string> {
  if (process.platform !== "linux") return ask("command=", pid);
  const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return words.replaceAll("\0", " ");
}

async function ask(column: string, pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-o", column, "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return stdout.trim();
}
