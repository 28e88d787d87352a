import { existsSync, readFileSync } from "node:fs";
import { type CommandResult, Workplace } from "../support/command.ts";
import type { Receiver } from "../support/receiver.ts";

const environment = { BATON_HTTP_ALLOW_PRIVATE: "true", BATON_QUEUES: "slow=2@30/m,idle=1" };

export const key = "enrich/work?job_id=j1";

export function workplace(files: Readonly<Record<string, string>>): Workplace {
  return new Workplace(files, environment);
}

export function jsonOf({ stdout }: CommandResult): unknown {
  return JSON.parse(stdout);
}

export function runEnrich(place: Workplace, { url }: Receiver, more: Readonly<Record<string, string>> = {}) {
  const input = JSON.stringify({ job_id: "j1", url, ...more });
  return place.baton(["run", "enrich", "--input", input, "--json"]);
}

export function runsIn(place: Workplace): string {
  return existsSync(place.path("runs")) ? readFileSync(place.path("runs"), "utf8") : "";
}
