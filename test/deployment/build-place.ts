import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { temporaryFolder } from "../support/app.ts";
import { type BuildStep, substituted } from "./cloud-build-schema.ts";

export interface Behaviour {
  /** Lines that `gcloud run services list` prints; it fails when there are none. */
  readonly serving: readonly string[] | "can't be looked at";
  readonly deploy?: "fails";
  readonly smoke?: "fails" | "hangs";
  readonly rollback?: "fails";
  /** What is in `environments/production.env`. */
  readonly variables?: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

const steps: Readonly<Record<string, string>> = { deploy: "deploy", smoke: "run" };

const oneWorkflow = `workflow: one
tasks:
  - { id: a, type: http, with: { url: "https://example.com/" } }
`;

/** What dry runs have printed, by their parameters and variables: many builds ask for the same one. */
const answers = mkdtempSync(join(tmpdir(), "baton-dry-runs-"));
afterAll(() => rmSync(answers, { recursive: true, force: true }));

/**
 * A workspace of Cloud Build where `gcloud` and `node` record how they are called, and behave as given. A dry run is a
 * real one: it says what the function is called.
 */
export class BuildPlace {
  readonly folder = temporaryFolder();
  readonly #calls = `${this.folder}/calls.txt`;

  constructor({ serving, deploy, smoke, rollback, variables = "" }: Behaviour) {
    mkdirSync(`${this.folder}/node_modules/.bin`, { recursive: true });
    mkdirSync(`${this.folder}/environments`);
    writeFileSync(`${this.folder}/package.json`, '{ "baton": {} }');
    mkdirSync(`${this.folder}/workflows`, { recursive: true });
    writeFileSync(`${this.folder}/workflows/one.yaml`, oneWorkflow);
    writeFileSync(`${this.folder}/environments/production.env`, variables);
    const lines = serving === "can't be looked at" ? undefined : serving.map((line) => `${line}\n`).join("");
    const listed = lines === undefined ? "exit 1" : `printf '%s' '${lines}'`;
    this.#write(
      "gcloud",
      `case "$*" in
        *"services list"*) ${listed} ;;
        *update-traffic*) ${rollback ? "exit 1" : "true"} ;;
      esac`,
    );
    const smokes = { fails: "exit 1", hangs: "exec sleep 60", works: "true" };
    this.#write(
      "node",
      `case "$*" in
        *--dry-run*) shift
          answer='${answers}'/$( (echo "$*"; cat environments/production.env) | cksum | tr ' ' -)
          if [ ! -f "$answer.code" ]; then
            code=0; '${process.execPath}' '${root}bin/baton.js' "$@" > "$answer" || code=$?
            echo "$code" > "$answer.code"
          fi
          cat "$answer"; exit "$(cat "$answer.code")" ;;
        -p*) exec '${process.execPath}' "$@" ;;
        *"baton.js ${steps.deploy} "*) ${deploy ? "exit 1" : "true"} ;;
        *"baton.js ${steps.smoke} "*) ${smokes[smoke ?? "works"]} ;;
      esac`,
    );
  }

  /** Runs the shell of a step as Cloud Build does; gives its exit code. */
  run(step: BuildStep, substitutions: Readonly<Record<string, string>>): number | null {
    const script = `${this.folder}/script`;
    writeFileSync(script, step.script ?? "exit 99");
    chmodSync(script, 0o755);
    const environment = Object.fromEntries(
      step.env.map((entry) => {
        const [name = "", ...value] = substituted(entry, substitutions).split("=");
        return [name, value.join("=")];
      }),
    );
    const { status } = spawnSync(script, {
      cwd: this.folder,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", ...environment },
      encoding: "utf8",
    });
    return status;
  }

  /** How programs were called to look at something or to change it, in order. */
  get calls(): string[] {
    if (!existsSync(this.#calls)) return [];
    const calls = readFileSync(this.#calls, "utf8").trim().split("\n");
    return calls.filter((call) => !/ --version$| --dry-run |^node -p /.test(call));
  }

  #write(name: string, behaviour: string): void {
    const path = `${this.folder}/node_modules/.bin/${name}`;
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> '${this.#calls}'\n${behaviour}\n`);
    chmodSync(path, 0o755);
  }
}
