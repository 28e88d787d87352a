import type { DeploymentSettings } from "./settings.ts";

export interface FunctionSetting {
  /** Flag of `gcloud run deploy`, with its value. */
  readonly flag: string;
  readonly why: string;
}

/** With this flag gcloud sets who may call the function. */
export const privateFlag = "--no-allow-unauthenticated";

/** How the function runs, and why. */
export function functionSettings(
  settings: DeploymentSettings,
  timeoutSeconds: number,
): readonly FunctionSetting[] {
  const least = settings.BATON_DEPLOY_MIN_INSTANCES;
  const flags: readonly (readonly [flag: string, why: string])[] = [
    [privateFlag, "only the account that pushes may call it"],
    ["--ingress=internal", "Pub/Sub of the same project reaches it, the internet does not"],
    [
      "--execution-environment=gen2",
      "a full Linux for what tasks bring along, and the faster disk and network; nothing waits for a cold start",
    ],
    [
      `--concurrency=${settings.BATON_DEPLOY_CONCURRENCY}`,
      "tasks mostly wait for services, so that many share a CPU; more would delay each other's heartbeats",
    ],
    [
      `--cpu=${settings.BATON_DEPLOY_CPU}`,
      "one whole CPU is the least with which an instance may have more than one request",
    ],
    [
      `--memory=${settings.BATON_DEPLOY_MEMORY}`,
      "Node and Google's clients take about 200 MiB, the rest is for the tasks of an instance together",
    ],
    [
      `--timeout=${timeoutSeconds}s`,
      "shorter than the ack deadline (600 s): an attempt has ended before its message comes again",
    ],
    [
      `--min-instances=${least}`,
      least === 0
        ? "0: nothing runs, and nothing is paid, while nothing happens"
        : "kept warm, and paid for while nothing happens, so that no message waits for a start",
    ],
    [
      `--max-instances=${settings.BATON_DEPLOY_MAX_INSTANCES}`,
      "with the concurrency, bounds what runs at once, and so the cost and the load on others",
    ],
    ["--cpu-throttling", "CPU is paid for while a message is handled, and not in between"],
    ["--cpu-boost", "loading Google's clients is most of a cold start, and more CPU shortens it"],
  ];
  return flags.map(([flag, why]) => ({ flag, why }));
}
