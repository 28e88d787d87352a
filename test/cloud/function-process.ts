import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endedWithTest } from "../support/child-process.ts";
import { collect } from "../support/collected-logs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The function under the framework's own command, as it is built and deployed, in a process of its own. */
export class FunctionProcess {
  readonly port: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  /** Everything that all its processes wrote. */
  output = "";

  /** `folder` is where the package is, and its dependencies; by default this repository. */
  constructor(port: number, environment: Readonly<Record<string, string>>, folder = root) {
    this.port = port;
    this.#environment = environment;
    this.#folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Of the process that serves now, or served last. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves once it serves. */
  async start(): Promise<void> {
    const program = `${this.#folder}/node_modules/.bin/functions-framework`;
    const child = endedWithTest(() =>
      spawn(process.execPath, [program, "--target=baton"], {
        cwd: this.#folder,
        env: { ...process.env, ...this.#environment, PORT: String(this.port) },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    this.#child = child;
    const serves = Promise.withResolvers<void>();
    const listen = (chunk: Buffer) => {
      this.output += chunk;
      collect(String(chunk));
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("exit", (code) => serves.reject(new Error(`It ended with ${code}: ${this.output}`)));
    void this.#onceItListens(child, serves.resolve);
    await serves.promise;
  }

  async #onceItListens(child: ChildProcess, report: () => void): Promise<void> {
    while (child.exitCode === null && child.signalCode === null) {
      const socket = connect(this.port, "127.0.0.1");
      const listens = await once(socket, "connect").then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (listens) return report();
      await sleep(50);
    }
  }

  /** Ends it as a machine that dies does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it as Cloud Run does; gives its exit code. */
  async stop(): Promise<number | null> {
    await this.#end("SIGTERM");
    return this.#child?.exitCode ?? null;
  }

  /** Once it has ended by itself: its exit code. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child?.exitCode ?? null;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
}

/** A free port below the ephemeral range, which begins at 32768. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
